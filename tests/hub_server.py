"""A small Hub on this machine: enough of its protocol for real pushes and loads of model and dataset repositories."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import huggingface_hub.constants
import huggingface_hub.hf_api
import pytest


@dataclass
class Repo:
    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=lambda: ["0" * 40])

    def entry(self, path: str) -> dict[str, Any]:
        content = self.files[path]
        return {"type": "file", "path": path, "rfilename": path, "size": len(content), "oid": _digest(content)}


@dataclass
class Hub:
    """The running server. `repos` maps "models/user/name" and "datasets/user/name" to what was pushed there.

    `env` is for processes of their own that shall talk to it.
    """

    url: str
    home: Path
    repos: dict[str, Repo] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": "hf_local",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "0",
            "HF_HOME": str(self.home),
        }


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A Hub that huggingface_hub, datasets and transformers talk to, within this process and through `hub.env`.

    One a session, as file systems are cached by address: use a repository name of your own in each test.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    hub = Hub(f"http://127.0.0.1:{server.server_port}", tmp_path_factory.mktemp("hf_home"))
    server.hub = hub  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    constants = huggingface_hub.constants
    with pytest.MonkeyPatch.context() as patch:
        for key, value in hub.env.items():
            patch.setenv(key, value)
        # The libraries read the environment when they are imported, which is long ago in a test session.
        patch.setattr(constants, "ENDPOINT", hub.url)
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}")
        patch.setattr(constants, "HF_HUB_CACHE", str(hub.home / "hub"))
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.setattr(huggingface_hub.hf_api.api, "endpoint", hub.url)
        patch.setattr("transformers.utils.hub._hf_api", None, raising=False)  # made when it is first needed, and kept
        patch.setattr("datasets.config.HF_ENDPOINT", hub.url)
        patch.setattr("datasets.config.HF_HUB_OFFLINE", False)
        patch.setattr("datasets.config.HF_DATASETS_CACHE", hub.home / "datasets")
        yield hub
    server.shutdown()
    server.server_close()


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Hub:
        return self.server.hub  # type: ignore[attr-defined]

    def log_message(self, *_: Any) -> None:
        pass

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def reply(self, content: Any, status: int = 200, **headers: str) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(raw)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def missing(self, what: str) -> None:
        self.reply({"error": f"{what} not found"}, 404, X_Error_Code=f"{what}NotFound", X_Error_Message=f"No {what}")

    def do_PUT(self) -> None:
        self.hub.blobs[self.path.rsplit("/", 1)[1]] = self.body()
        self.reply({})

    def do_POST(self) -> None:
        raw, path = self.body(), unquote(urlsplit(self.path).path)
        found = re.fullmatch(r"/api/(\w+s/[^/]+/[^/]+)/(preupload|commit|paths-info)/[^/]+", path)
        repo = self.hub.repos.get(found[1]) if found else None
        if path == "/api/repos/create":
            self.create(json.loads(raw))
        elif path == "/api/validate-yaml":
            self.reply({"errors": [], "warnings": []})
        elif path.endswith(".git/info/lfs/objects/batch"):
            objects = json.loads(raw)["objects"]
            actions = [{"upload": {"href": f"{self.hub.url}/blob/{item['oid']}"}} for item in objects]
            both = zip(objects, actions, strict=True)
            self.reply({"transfer": "basic", "objects": [{**item, "actions": action} for item, action in both]})
        elif found is None or repo is None:
            self.missing("Repo")
        elif found[2] == "preupload":
            names = [item["path"] for item in json.loads(raw)["files"]]
            modes = {
                name: "lfs" if name.endswith((".parquet", ".safetensors", ".png")) else "regular" for name in names
            }
            self.reply({"files": [{"path": n, "uploadMode": m, "shouldIgnore": False} for n, m in modes.items()]})
        elif found[2] == "commit":
            self.commit(repo, raw)
            page = f"{self.hub.url}/{found[1].removeprefix('models/')}/commit/{repo.commits[-1]}"
            self.reply({"commitUrl": page, "commitOid": repo.commits[-1]})
        else:
            is_json = "json" in self.headers.get("Content-Type", "")
            paths = json.loads(raw)["paths"] if is_json else parse_qs(raw.decode())["paths"]
            self.reply([repo.entry(name) for name in paths if name in repo.files])

    def create(self, asked: dict[str, Any]) -> None:
        key = f"{asked.get('type', 'model')}s/{asked.get('organization') or 'me'}/{asked['name']}"
        status = 409 if key in self.hub.repos else 200
        self.hub.repos.setdefault(key, Repo(private=asked.get("visibility") == "private" or bool(asked.get("private"))))
        self.reply({"url": f"{self.hub.url}/{key.removeprefix('models/')}"}, status)

    def commit(self, repo: Repo, raw: bytes) -> None:
        for line in raw.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "file":
                repo.files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                repo.files[value["path"]] = self.hub.blobs[value["oid"]]
            elif item["key"] == "deletedFile":
                del repo.files[value["path"]]
        repo.commits.append(hashlib.sha1(raw + repo.commits[-1].encode()).hexdigest())

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        api = re.fullmatch(r"/api/((\w+)s/([^/]+/[^/]+))(?:/(revision|tree|refs)(?:/[^/]+)?(?:/(.*))?)?", path)
        download = re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)/resolve/[^/]+/(.+)", path)
        key = api[1] if api else f"{download[1] or 'models/'}{download[2]}" if download else ""
        repo = self.hub.repos.get(key)
        if path == "/api/whoami-v2":
            self.reply({"type": "user", "name": "me", "orgs": [], "auth": {"accessToken": {"role": "write"}}})
        elif repo is None:
            self.missing("Repo")
        elif download:
            self.download(repo, download[3])
        elif api and api[4] == "tree":
            self.tree(repo, (api[5] or "").strip("/"))
        elif api and api[4] == "refs":
            main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repo.commits[-1]}
            self.reply({"branches": [main], "tags": [], "converts": []})
        else:
            files = [repo.entry(name) for name in sorted(repo.files)]
            name = key.partition("/")[2]
            self.reply({"id": name, "sha": repo.commits[-1], "private": repo.private, "siblings": files, "tags": []})

    do_HEAD = do_GET

    def download(self, repo: Repo, name: str) -> None:
        content, status = repo.files.get(name), 200
        if content is None:
            self.missing("Entry")
        else:
            headers = {"ETag": f'"{_digest(content)}"', "X_Repo_Commit": repo.commits[-1], "Accept_Ranges": "bytes"}
            if wanted := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
                first, last = int(wanted[1]), min(int(wanted[2] or len(content)), len(content) - 1)
                headers["Content_Range"] = f"bytes {first}-{last}/{len(content)}"
                content, status = content[first : last + 1], 206
            self.reply(content, status, **headers)

    def tree(self, repo: Repo, folder: str) -> None:
        prefix = f"{folder}/" if folder else ""
        inside = sorted(name for name in repo.files if name.startswith(prefix))
        deeper = [name for name in inside if "/" in name[len(prefix) :]]
        if folder and not inside:
            self.missing("Entry")
        elif "recursive=true" in self.path.lower():
            self.reply([repo.entry(name) for name in inside])
        else:
            folders = sorted({prefix + name[len(prefix) :].partition("/")[0] for name in deeper})
            entries: list[dict[str, Any]] = [{"type": "directory", "path": name, "oid": "0" * 40} for name in folders]
            self.reply(entries + [repo.entry(name) for name in inside if name not in deeper])
