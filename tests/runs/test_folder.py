"""A run folder is made, gone on with, refused, and read, each with a plain word about it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from pydantic import BaseModel

from mnemonist.errors import RunFolderError
from mnemonist.runs import Manifest, RunFolder, write_schema

CONFIG = {"cell": "lstm", "training": {"learning_rate": 0.001, "epochs": 5}}
DATA = {"file": "well.csv", "sha256": "ab12"}


def opened(path, config=CONFIG, data=DATA, **options) -> RunFolder:
    return RunFolder.open(path, job="forecast", config=config, data_fingerprint=data, **options)


@pytest.fixture
def finished(tmp_path):
    with opened(tmp_path / "run") as run:
        run.save_model({"W": torch.arange(6.0).reshape(2, 3)}, {"horizon": 12})
        run.save_json("preprocessing.json", {"scale": [1.5, float("inf")], "名": "油"})
        run.save_text("report.html", "<p>油</p>")
        run.append_metrics({"epoch": 1, "valid_loss": 0.1 + 0.2})
        run.finish()
    return tmp_path / "run"


def test_what_was_saved_is_what_is_loaded(finished):
    run = RunFolder.load(finished)
    tensors, meta = run.load_model()
    assert tensors["W"].equal(torch.arange(6.0).reshape(2, 3))
    assert meta == {"horizon": 12}
    assert run.load_json("preprocessing.json") == {"scale": [1.5, None], "名": "油"}
    assert run.metrics() == [{"epoch": 1, "valid_loss": 0.1 + 0.2}]
    assert run.config == CONFIG
    assert run.manifest.data == DATA
    assert (finished / "report.html").read_text(encoding="utf-8") == "<p>油</p>"
    assert not list(finished.glob("*.partial"))


def test_the_same_again_is_finished_and_anything_else_is_named(finished):
    assert opened(finished).finished
    other = {"cell": "gru", "training": {"learning_rate": 0.01, "epochs": 5}, "horizon": 3}
    with pytest.raises(RunFolderError) as caught:
        opened(finished, other, {**DATA, "sha256": "cd34"})
    text = str(caught.value)
    assert 'cell: "lstm" -> "gru"' in text
    assert "training.learning_rate: 0.001 -> 0.01" in text
    assert "horizon: (absent) -> 3" in text
    assert 'data.sha256: "ab12" -> "cd34"' in text
    assert "epochs" not in text
    assert "--run" in text
    with pytest.raises(RunFolderError, match='job: "forecast" -> "classify"'):
        RunFolder.open(finished, job="classify", config=CONFIG, data_fingerprint=DATA)


def test_an_unfinished_run_goes_on_but_not_under_another_version(tmp_path):
    opened(tmp_path / "run").close()
    with opened(tmp_path / "run") as run:
        assert not run.finished
    path = tmp_path / "run" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "mnemonist": "0.0.1"}))
    with pytest.raises(RunFolderError, match=r'version of mnemonist: "0\.0\.1" -> '):
        opened(tmp_path / "run")


def test_a_pydantic_configuration_is_stored_in_full(tmp_path):
    class Config(BaseModel):
        cell: str = "lstm"
        sizes: tuple[int, ...] = (1, 2)

    with opened(tmp_path / "run", Config()) as run:
        assert run.config == {"cell": "lstm", "sizes": [1, 2]}
    with pytest.raises(RunFolderError, match=r"sizes: \[1, 2\] -> \[1, 3\]"):
        opened(tmp_path / "run", Config(sizes=(1, 3)))


def test_overwrite_begins_anew_and_touches_run_folders_only(finished, tmp_path):
    with opened(finished, {"cell": "gru"}, overwrite=True) as run:
        assert not run.finished
        assert run.config == {"cell": "gru"}
        assert not (finished / "model.safetensors").exists()
    foreign = tmp_path / "photos"
    foreign.mkdir()
    (foreign / "cat.jpg").write_bytes(b"meow")
    for overwrite in (False, True):
        with pytest.raises(RunFolderError, match=r"holds cat\.jpg and is not a run folder"):
            opened(foreign, overwrite=overwrite)
    assert (foreign / "cat.jpg").read_bytes() == b"meow"
    assert sorted(p.name for p in foreign.iterdir()) == ["cat.jpg"]


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunFolderError, match="is a file: choose another"):
        opened(tmp_path / "file")
    with pytest.raises(RunFolderError, match=r"cannot be made: .*choose another folder with --run"):
        opened(tmp_path / "file" / "run")


def test_two_trainings_do_not_share_a_folder_and_the_dead_hold_no_lock(tmp_path):
    program = (
        "import os, signal, sys; from mnemonist.runs import RunFolder;"
        f"run = RunFolder.open(sys.argv[1], job='forecast', config={CONFIG!r},"
        f" data_fingerprint={DATA!r}); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(RunFolderError, match=rf"another training \(process {other.pid} on"):
            opened(tmp_path / "run")
        other.kill()
        other.wait()
        opened(tmp_path / "run").close()


def test_a_finished_run_can_be_opened_by_many(finished):
    first, second = opened(finished), opened(finished)
    assert first.finished
    assert second.finished


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("model.safetensors", lambda b: b[:-3], r"model\.safetensors is damaged.*checksum"),
        ("model.safetensors", lambda b: b[:-1] + b"\xff", r"model\.safetensors is damaged"),
        ("preprocessing.json", lambda b: b[:9], r"preprocessing\.json is damaged"),
        ("config.json", lambda b: b.replace(b"lstm", b"gruu"), r"config\.json is damaged"),
        ("config.json", None, r"config\.json is missing"),
        ("manifest.json", lambda b: b[:50], r"manifest\.json is damaged, it is not whole JSON"),
        ("manifest.json", lambda b: b.replace(b'"job"', b'"jobs"'), r"manifest\.json is damaged"),
        ("manifest.json", None, "is not a run folder"),
        (
            "manifest.json",
            lambda b: b.replace(b"mnemonist.run/1", b"mnemonist.run/7"),
            r"'mnemonist\.run/7'; this is mnemonist .*reads 'mnemonist\.run/1'",
        ),
        ("manifest.json", lambda b: b"[" * 100_000, r"manifest\.json is damaged"),
    ],
)
def test_damage_is_named(finished, name, damage, message):
    path = finished / name
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunFolderError, match=message):
        RunFolder.load(finished)


def test_a_model_that_is_no_safetensors_file_is_said_so_while_training(tmp_path):
    with opened(tmp_path / "run") as run:
        (run.path / "model.safetensors").write_bytes(b"\xff" * 100)
        with pytest.raises(RunFolderError, match="not a whole safetensors file"):
            run.load_model()
        with pytest.raises(RunFolderError, match=r"data\.json is missing"):
            run.load_json("data.json")


def test_huge_files_are_not_read(finished, monkeypatch):
    monkeypatch.setattr("mnemonist.runs.folder._MAX_METRICS_BYTES", 10)
    with pytest.raises(RunFolderError, match="larger than 10 bytes"):
        RunFolder.load(finished).metrics()
    with (finished / "manifest.json").open("wb") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(RunFolderError, match="68,157,440 bytes"):
        RunFolder.load(finished)


def test_names_stay_inside_the_folder(finished):
    run = RunFolder.load(finished)
    for name in ("../secret.json", "/etc/passwd", "a/b.json", "..", "", "manifest.json"):
        with pytest.raises(RunFolderError, match="is not the name of a file"):
            run.load_json(name)
    manifest = json.loads((finished / "manifest.json").read_text())
    manifest["files"]["../x"] = manifest["files"]["config.json"]
    (finished / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RunFolderError, match=r"it names the file '\.\./x'"):
        RunFolder.load(finished)


def test_loading_needs_a_finished_run_unless_told(tmp_path):
    opened(tmp_path / "run").close()
    with pytest.raises(RunFolderError, match="not finished: run the same train command"):
        RunFolder.load(tmp_path / "run")
    assert RunFolder.load(tmp_path / "run", unfinished=True).config == CONFIG
    with pytest.raises(RunFolderError, match="there is no run folder"):
        RunFolder.load(tmp_path / "nothing")


def test_a_file_saved_after_the_end_is_sealed_too(finished):
    run = opened(finished)
    run.save_text("report.html", "<p>new</p>")
    RunFolder.load(finished)
    (finished / "report.html").write_text("<p>other</p>")
    with pytest.raises(RunFolderError, match=r"report\.html is damaged"):
        RunFolder.load(finished)


def test_other_processes_of_torchrun_write_nothing(tmp_path, monkeypatch):
    for name, value in (("WORLD_SIZE", "2"), ("RANK", "1"), ("MASTER_ADDR", "localhost")):
        monkeypatch.setenv(name, value)
    with opened(tmp_path / "run") as run:
        run.save_json("data.json", {})
        run.append_metrics({"epoch": 1})
        run.finish()
    assert not (tmp_path / "run").exists()


def test_schema_of_the_manifest_accepts_a_manifest(finished, tmp_path):
    write_schema(tmp_path / "schemas" / "run.json", Manifest, "mnemonist.run/1")
    schema = json.loads((tmp_path / "schemas" / "run.json").read_text())
    manifest = json.loads((finished / "manifest.json").read_text())
    assert schema["$id"] == "mnemonist.run/1"
    assert set(schema["required"]) <= manifest.keys() <= schema["properties"].keys()
