"""The `evaluate` module loads by path in a fresh process that cannot reach a network, and agrees with the functions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import modeling_rali.metrics as metrics

MODULE = Path(metrics.__file__).parent / "evaluate_modules" / "iqa_correlation"

PROGRAM = """
import json, socket, sys

def refuse(*args, **kwargs):
    raise OSError("the network is out of reach")

socket.socket.connect = socket.getaddrinfo = refuse
import evaluate

scores = json.load(sys.stdin)
metric = evaluate.load(sys.argv[1])
results = {"at once": metric.compute(**scores), "five": metric.compute(**scores, parameters=5)}
for prediction, reference in zip(scores["predictions"], scores["references"]):
    metric.add(predictions=prediction, references=reference)
results["one by one"] = metric.compute()
try:
    metric.compute(predictions=[1.0, 1.0], references=[1.0, 2.0])
except ValueError as error:
    results["error"] = str(error)
json.dump(results, sys.stdout)
"""


@pytest.fixture(scope="module")
def scores() -> dict[str, list[float]]:
    generator = np.random.default_rng(0)
    mos = generator.uniform(0, 100, 60)
    return {"predictions": (mos / 25 + generator.normal(size=60)).tolist(), "references": mos.tolist()}


@pytest.fixture(scope="module")
def results(scores: dict[str, list[float]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """What a fresh process computes, with nothing in its caches."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(MODULE)],
        input=json.dumps(scores),
        env={
            **os.environ,
            "HF_HOME": str(tmp_path_factory.mktemp("hf-home")),
            "HF_EVALUATE_OFFLINE": "1",
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": str(Path(metrics.__file__).parents[2]),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("call", "parameters"), [("at once", 4), ("one by one", 4), ("five", 5)])
def test_the_module_returns_what_the_functions_return(
    call: str, parameters: int, scores: dict[str, list[float]], results: dict[str, dict[str, float]]
) -> None:
    pair = scores["predictions"], scores["references"]
    expected = {name: getattr(metrics, name)(*pair) for name in ("srcc", "plcc", "krcc", "rmse")}
    for name in ("plcc_logistic", "rmse_logistic"):
        expected[name] = getattr(metrics, name)(*pair, parameters)
    assert results[call] == pytest.approx(expected, abs=1e-12)


def test_the_module_fails_as_loudly_as_the_functions(results: dict[str, dict[str, float]]) -> None:
    assert results["error"] == "predictions are constant: all 2 are 1.0"


def test_the_card_lists_every_key_the_module_returns(results: dict[str, dict[str, float]]) -> None:
    card = (MODULE / "README.md").read_text(encoding="utf-8")
    assert all(f"| `{key}` |" in card for key in results["at once"])
