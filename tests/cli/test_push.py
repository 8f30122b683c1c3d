"""`rali push`: what it prints, and what it says to do where it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import huggingface_hub.constants
import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from modeling_rali import RaliModel
from rali_cli.push import push

if TYPE_CHECKING:
    from ..hub_server import Hub

pytest_plugins = ["tests.hub_server"]


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(push)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_says_where_it_pushed(hub: Hub, tiny_checkpoint: Path) -> None:
    result = run(tiny_checkpoint, "me/pushed", "--private")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"Pushed to {hub.url}/me/pushed\n"
    assert hub.repos["models/me/pushed"].private
    assert "model.safetensors" in hub.repos["models/me/pushed"].files


@pytest.fixture
def refusing_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Makes every request be answered with a status."""
    statuses: list[int] = []

    class Refusal(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(statuses[-1])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusal)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield statuses.append
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refusal_says_to_log_in(refusing_hub: Callable[[int], None], tiny_checkpoint: Path, status: int) -> None:
    refusing_hub(status)
    result = run(tiny_checkpoint, "me/refused")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert f"the Hub did not take me/refused (status {status})" in result.stderr
    assert "hf auth login" in result.stderr


def test_fault_of_the_hub_is_not_blamed_on_the_user(refusing_hub: Callable[[int], None], tiny_checkpoint: Path) -> None:
    refusing_hub(422)
    result = run(tiny_checkpoint, "me/refused")
    assert result.exit_code == 1
    assert "status 422" in result.stderr and "hf auth login" not in result.stderr


def test_hub_out_of_reach_is_named(hub: Hub, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = "http://127.0.0.1:1"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", nowhere)
    result = run(tiny_checkpoint, "me/nowhere")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {nowhere} cannot be reached") and result.stderr.count("\n") == 1
    assert "HF_ENDPOINT" in result.stderr


def test_damaged_checkpoint_and_bad_name_fail_in_one_line(
    hub: Hub, tiny_clip: RaliModel, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    result = run(tiny_checkpoint, "not/a/name")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "not/a/name" in result.stderr
    (tmp_path / "empty").mkdir()
    result = run(tmp_path / "empty", "me/empty")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "empty" in result.stderr
    tiny_clip.head.scale.data[0] = torch.nan
    tiny_clip.save_pretrained(tiny_checkpoint)
    result = run(tiny_checkpoint, "me/nan")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "not finite: head.scale" in result.stderr
    assert not {"models/me/empty", "models/me/nan"} & set(hub.repos)


@pytest.mark.parametrize("arguments", [["nowhere", "me/x"], [".", "me/x", "--metrics", "nowhere.json"], ["."]])
def test_wrong_usage_has_exit_code_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2
