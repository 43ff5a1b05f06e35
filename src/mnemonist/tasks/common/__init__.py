"""What jobs share: configuration, the way from plan to report, words and figures."""
