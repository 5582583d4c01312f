"""`likeness` itself: what its commands print, refuse and leave behind."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from running_product import PROJECT, Product, wait_for


def likeness(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LIKENESS_"))}
    command = ["node", "server/likeness.js", *arguments]
    return subprocess.run(command, cwd=PROJECT, env={**own, **variables}, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    "command",
    [
        *([], ["up"], ["env"], ["doctor"], ["demo"], ["dataset"], ["dataset", "check"], ["account"]),
        *(["sign-in"], ["account", "create"], ["model"], ["model", "add"], ["model", "list"], ["model", "remove"]),
        ["model", "export"],
    ],
)
def test_every_command_has_help(command: list[str]) -> None:
    done = likeness(*command, "--help")
    assert done.returncode == 0
    assert "Usage: likeness" in done.stdout
    if command not in ([], ["dataset"], ["account"], ["model"]):
        assert "Example:\n  " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["up", "--port", "70000"], "--port must be a whole number from 0 to 65535"),
        (["up", "--prot", "1"], "unknown option '--prot'"),
        (["up", "--host", "0.0.0.0", "--tls-port", "off"], "Leave TLS on, or add --insecure"),
        (["up", "--host", "192.0.2.1", "--insecure", "--port", "0"], "--host 192.0.2.1 is no address of this machine"),
        (["up", "--region", "nowhere"], "nowhere"),
        (["env", "--data", "/nonexistent"], "no service has run on /nonexistent yet"),
        (["sign-in", "--data", "/nonexistent"], "no service is running on /nonexistent. Name the folder"),
        (["demo", "--steps", "5"], "--steps must be a whole number from 10 to 40000"),
        (["dataset", "check", "/nonexistent"], "there is nothing at /nonexistent"),
        (["dataset", "build", "/nonexistent", "--s3-prefix", "s3://abc"], "/nonexistent is not a folder"),
        (["model", "export", "ron", "--format", "kohya", "--out", "x"], "ron is no ARN of a custom or imported model"),
        (["fly"], "unknown command 'fly'"),
    ],
)
def test_a_mistake_is_one_clear_line(arguments: list[str], text: str, tmp_path: Path) -> None:
    data = ["--data", str(tmp_path / "data")] if arguments[0] == "up" else []
    done = likeness(*arguments, *data)
    assert done.returncode == 1
    assert text in done.stderr
    assert "    at " not in done.stderr, "no stack"
    message = [line for line in done.stderr.splitlines() if line and not line.startswith("(")]
    assert len(message) == 1, done.stderr


@pytest.mark.parametrize("folder", ["/proc/likeness", "/dev/null", "/proc", "/sys"])
def test_a_folder_that_cannot_be_used_is_refused_at_once(folder: str) -> None:
    begun = time.monotonic()
    done = likeness("up", "--port", "0", "--data", folder)
    assert done.returncode == 1
    assert f"the data folder {folder} cannot be used: " in done.stderr
    assert time.monotonic() - begun < 10, "a start of Node on a busy machine, and no more"


def test_the_port_of_tls_is_another_one() -> None:
    done = likeness("up", "--port", "4803", "--tls-port", "4803", "--data", "/nonexistent")
    assert (done.returncode, "taken" in done.stderr) == (1, False)
    assert "--port and --tls-port are both 4803" in done.stderr


def test_help_names_the_demos_own_number_of_steps() -> None:
    assert "default: 350" in likeness("demo", "--help").stdout
    assert "--steps 350" in likeness("estimate", "--help").stdout


def test_an_estimate_is_refused_in_words_of_the_command_line(product: Product) -> None:
    for arguments, text in (
        (["--images", "3"], "--images must be a whole number"),
        (["--images", "60", "--steps", "3"], "--steps"),
        (["--units", "0"], "--units must be a whole number"),
    ):
        done = likeness("estimate", "--data", str(product.data), *arguments)
        assert done.returncode == 1
        assert text in done.stderr
        assert "imageCount" not in done.stderr


def test_a_second_service_on_the_folder_refuses(product: Product) -> None:
    done = likeness("up", "--port", "0", "--data", str(product.data))
    assert done.returncode == 1
    assert f"is in use by the server at {product.endpoint}" in done.stderr


def test_a_port_that_is_taken(product: Product, tmp_path: Path) -> None:
    port = product.endpoint.rsplit(":", 1)[1]
    done = likeness("up", "--port", port, "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stderr


def sign_in(printed: str) -> str:
    """The account that the link on a line of its own signs in to."""
    endpoint, token = re.findall(r"^ +(http\S+)/_console/#/sign-in\?token=(\S+)$", printed, re.M)[-1]
    body = json.dumps({"token": token}).encode()
    request = urllib.request.Request(f"{endpoint}/_likeness/v1/sign-in-link", data=body, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["accountId"]


def test_a_start_that_failed_on_its_port_costs_no_sign_in_link(product: Product, tmp_path: Path) -> None:
    data = ["--data", str(tmp_path / "data"), "--tls-port", "off"]
    assert likeness("up", "--port", product.endpoint.rsplit(":", 1)[1], *data).returncode == 1
    with (tmp_path / "log.txt").open("w") as log:
        command = ["node", "server/likeness.js", "up", "--port", "0", *data]
        process = subprocess.Popen(command, cwd=PROJECT, stdout=log, stderr=subprocess.STDOUT)
        try:
            running = wait_for(process, tmp_path)
            wait_for_text(tmp_path / "log.txt", "Ctrl-C stops it")
            assert sign_in((tmp_path / "log.txt").read_text()) == running.account_id
        finally:
            process.terminate()
            process.wait(60)


def test_a_fresh_link_is_printed_for_a_running_service(product: Product) -> None:
    port = product.endpoint.rsplit(":", 1)[1]
    for more in ([], ["--port", port]):
        done = likeness("sign-in", "--data", str(product.data), *more)
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(r"\d{12}", sign_in(done.stdout))
    elsewhere = likeness("sign-in", "--data", str(product.data), "--port", "9")
    assert (elsewhere.returncode, elsewhere.stderr) == (1, "likeness: no service answers at http://127.0.0.1:9.\n")


def test_the_doctor_finds_this_machine_well(product: Product) -> None:
    done = likeness("doctor", "--data", str(product.data), "--port", product.endpoint.rsplit(":", 1)[1])
    assert done.returncode == 0, done.stdout
    assert "PyTorch" in done.stdout
    one = likeness("doctor", "--data", str(product.data), "--port", "0", LIKENESS_WORKER_THREADS="1")
    assert "(1 thread a worker)" in one.stdout or " on cuda " in one.stdout
    ill = likeness("doctor", "--data", str(product.data), "--port", "0", LIKENESS_PYTHON="/nonexistent/python")
    assert ill.returncode == 1
    assert "Run: npm run setup" in ill.stdout


def test_health_needs_no_signature(product: Product) -> None:
    with urllib.request.urlopen(f"{product.endpoint}/_likeness/v1/health", timeout=10) as answer:
        assert b'"ready"' in answer.read()


def test_an_account_is_made_through_the_running_server(product: Product) -> None:
    folder = ["--data", str(product.data)]
    made = likeness("account", "create", "--id", "444455556666", "--name", "studio", *folder)
    assert made.returncode == 0, made.stderr
    assert sorted(json.loads(made.stdout)) == ["accessKeyId", "accountId", "secretAccessKey"]
    again = likeness("account", "create", "--id", "444455556666", *folder)
    assert (again.returncode, again.stderr) == (1, "likeness: Account 444455556666 already exists.\n")
    assert likeness("account", "disable", "--id", "444455556666", *folder).returncode == 0
    accounts = json.loads(likeness("account", "list", *folder).stdout)["accounts"]
    assert [row["status"] for row in accounts if row["accountId"] == "444455556666"] == ["DISABLED"]


def test_an_account_is_made_on_a_folder_that_no_server_holds(tmp_path: Path) -> None:
    assert "no service has run on" in likeness("account", "list", "--data", str(tmp_path / "none")).stderr
    made = likeness("account", "create", "--id", "444455556666", "--data", str(tmp_path))
    assert made.returncode == 0, made.stderr
    listed = json.loads(likeness("account", "list", "--data", str(tmp_path)).stdout)["accounts"]
    assert [row["status"] for row in listed] == ["ACTIVE", "ACTIVE"]
    assert listed[1]["accountId"] == "444455556666"
    wrong = likeness("account", "enable", "--id", "12", "--data", str(tmp_path))
    assert "--id must be 12 digits" in wrong.stderr


def test_a_base_model_is_registered_on_a_running_server_and_on_a_folder_that_none_holds(
    product: Product, tmp_path: Path
) -> None:
    weights = str(PROJECT / "models" / "art" / "weights")
    for data in (product.data, tmp_path):
        folder = ["--data", str(data)]
        added = likeness("model", "add", weights, "--id", "acme.art-v1", "--licence", "Own 1.0", *folder)
        assert added.returncode == 0, added.stderr
        assert "Registered acme.art-v1" in added.stdout
        for text in ("licence  Own 1.0", "tasks    TEXT_IMAGE, INPAINTING", "128 x 128", "memory   0.20 GiB"):
            assert text in added.stdout
        assert "acme.art-v1 (registered)" in likeness("model", "list", *folder).stdout
        assert likeness("model", "remove", "acme.art-v1", *folder).returncode == 0
        again = likeness("model", "remove", "acme.art-v1", *folder)
        assert again.stderr == "likeness: The base model acme.art-v1 is not registered.\n"
    missing = likeness("model", "add", str(tmp_path / "none"), "--id", "acme.none", "--data", str(tmp_path))
    assert (missing.returncode, "is no folder" in missing.stderr) == (1, True)


def wait_for_text(file: Path, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in file.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_folder_is_free_after(how: signal.Signals, tmp_path: Path) -> None:
    """The same identity comes back at each start, each prints a link of its own, and kill -9 leaves no lock."""
    command = ["node", "server/likeness.js", "up", "--port", "0", "--data", str(tmp_path / "data")]
    fixed = {
        **os.environ,
        "LIKENESS_WARM_BASE": "off",
        "LIKENESS_ACCOUNT_ID": "111122223333",
        "LIKENESS_ROOT_ACCESS_KEY_ID": "AKIAFIXEDFIXEDFIXED1",
        "LIKENESS_ROOT_SECRET_ACCESS_KEY": "a-secret-of-forty-characters-0123456789a",
    }
    seen = []
    links = []
    for _ in range(2):
        log = (tmp_path / "log.txt").open("w")
        process = subprocess.Popen(command, cwd=PROJECT, env=fixed, stdout=log, stderr=subprocess.STDOUT)
        try:
            running = wait_for(process, tmp_path)
            wait_for_text(tmp_path / "log.txt", "Ctrl-C stops it")
            prefix = f"{running.endpoint}/_console/#/sign-in?token="
            links.append((tmp_path / "log.txt").read_text().split(prefix)[1].split()[0])
            seen.append((running.account_id, running.access_key_id, running.secret_access_key))
            # The server itself, not the launcher before it.
            os.kill(int((tmp_path / "data" / "endpoint.json").read_text().split('"pid": ')[1].split(",")[0]), how)
            code = process.wait(60)
            assert code == 0 or how == signal.SIGKILL
        finally:
            process.kill()
            log.close()
        (tmp_path / "data" / "endpoint.json").unlink(missing_ok=True)
        time.sleep(0.2)
    assert len(set(links)) == 2
    assert seen == [("111122223333", "AKIAFIXEDFIXEDFIXED1", "a-secret-of-forty-characters-0123456789a")] * 2
