"""Schemathesis reads the committed API document and holds the running server to it."""

import json
import subprocess
import sys
import urllib.request

import pytest
from conftest import REPOSITORY

DOCUMENT = REPOSITORY / "crates/api/openapi.json"

CHECKS = ",".join(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "ignored_auth",
    ]
)

# Fuzzing finds the caller's own ids in lists. Where it can use them to take the caller's rights
# away, it would see nothing but refusals afterwards, so these have a server of their own.
LOCKING_OUT = ["/v1/tokens/{id}", "/v1/users/{id}", "/v1/sessions/{id}"]
GROUPS = {
    "what locks out": ([f"--include-path={path}" for path in LOCKING_OUT], 15),
    "everything else": ([f"--exclude-path={path}" for path in LOCKING_OUT], 60),
}


def get(url, token):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def test_the_server_shows_the_committed_document(wardroom):
    shown = json.loads(get(f"{wardroom.url}/v1/openapi.json", wardroom.token))
    assert shown == json.loads(DOCUMENT.read_text())


@pytest.mark.parametrize("group", GROUPS)
def test_the_server_keeps_to_the_document(fresh_wardroom, tmp_path, group):
    operations, time_max_s = GROUPS[group]
    # One worker: with more, Python 3.11 may trip over its own parser in the middle of a run.
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", str(DOCUMENT)),
            *("--url", fresh_wardroom.url),
            *("--header", f"Authorization: Bearer {fresh_wardroom.token}"),
            *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing"),
            *("--max-time", str(time_max_s), "--request-timeout", "15", "--workers", "1"),
            *("--seed", "1", "--generation-database", "none", "--no-color"),
            *operations,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=time_max_s + 120,
    )
    assert run.returncode == 0, run.stdout[-12_000:] + run.stderr[-4_000:]
    assert "panicked" not in fresh_wardroom.logged()
    fresh_wardroom.run("audit", "verify")
