"""Makes gradient_agreement.py importable, whatever directory the tests start from."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
