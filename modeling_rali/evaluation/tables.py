"""Metrics JSON → the Markdown tables of README, documentation and cards."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..metrics import plain_mean

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"

_DASH = "–"
_FIGURES = ("srcc", "plcc", "plcc_logistic", "krcc", "rmse_logistic", "within_group")
_HEADER = (
    *("Set", "Pictures", "Model", "Trained on"),
    *("SRCC (95 % interval)", "PLCC", "PLCC mapped", "KRCC", "RMSE mapped", "SRCC within groups"),
)
_LEGEND = (
    "SRCC, PLCC, KRCC: Spearman's, Pearson's and Kendall's correlation with people's scores, positive where better pictures "
    "score higher. Interval: bootstrap over the pictures. Mapped: after VQEG's four-parameter logistic; the RMSE is on the "
    "set's own scale. Within groups: mean SRCC inside them. Bold: the best of several models on the same pictures."
)

Result = Mapping[str, Any]


def results_tables(metrics: Iterable[Mapping[str, Any]]) -> str:
    """Markdown of all results: our figures in full, then beside the published ones of the sets that have some.

    Args:
        metrics: what `read_metrics` gives, of one file or several; no model twice on the same split of a set.

    Raises:
        ValueError: if there is one twice.
    """
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in (result for one in metrics for result in one["results"]):
        group = groups.setdefault((result["dataset"], result["split"]), [])
        if any(other["model"] == result["model"] for other in group):
            raise ValueError(
                f"two results of {result['model']} on {result['dataset']} {result['split']}: leave one out."
            )
        group.append(result)
    results = [result for group in groups.values() for result in group]
    published = json.loads((Path(__file__).parent / "published.json").read_text(encoding="utf-8"))
    titles = {result["dataset"]: result["title"] for result in results}
    titles |= {name: facts["title"] for name, facts in published["sets"].items()}
    parts = ["Measured with `rali evaluate`:", _our_table(groups.values(), titles), _LEGEND, *_notes(groups.values())]
    if any(result["dataset"] in published["sets"] for result in results):
        parts += _beside_published(results, published, titles)
    return "\n\n".join(parts)


def with_results(text: str, tables: str) -> str:
    """`text` with `tables` between its two markers, `BEGIN` and `END`, in place of what is there.

    Raises:
        ValueError: unless each marker is there once, in that order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"the lines {BEGIN} and {END} must each be there once, in this order.")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    return f"{before}{BEGIN}\n<!-- made by `rali table`: change the metrics, not the tables -->\n\n{tables}\n\n{END}{after}"


def figure(value: float | None) -> str:
    """Three decimals; a dash for what has no value."""
    return _DASH if value is None else f"{value:.3f}"


def _our_table(groups: Iterable[Sequence[Result]], titles: Mapping[str, str]) -> str:
    rows = []
    for group in groups:
        for result in group:
            rivals = [other for other in group if _asked(other) == _asked(result)]
            # A model that failed on some pictures is not the best, but no other is where it did better on the rest
            best = {name: None if result["n_failed"] else _best(name, rivals) for name in _FIGURES}
            cells = {name: _bold(figure(_value(result, name)), best[name]) for name in _FIGURES}
            if result["srcc_ci95"]:
                cells["srcc"] += f" ({' to '.join(map(figure, result['srcc_ci95']))})"
            if result["within_group"]:
                cells["within_group"] += f" by {result['within_group']['by']}"
            trained_on = titles.get(result["trained_on"], result["trained_on"]) or _DASH
            rows.append([_set(result), _pictures(result), result["model"], trained_on, *cells.values()])
    return _table(_HEADER, rows, left=4)


def _beside_published(
    results: Sequence[Result], published: Mapping[str, Any], titles: Mapping[str, str]
) -> tuple[str, str, str]:
    """Introduction, table and legend of figures as PLCC / SRCC, a column a set."""
    sets = published["sets"]
    of_set = {name: [figures[name] for figures in published["plcc_srcc"].values()] for name in sets}
    for result in results:
        if result["dataset"] in sets and _is_comparable(result, published) and _value(result, "srcc") is not None:
            of_set[result["dataset"]].append([result["plcc"], result["srcc"]])
    best = {name: [figure(max(column)) for column in zip(*pairs, strict=True)] for name, pairs in of_set.items()}

    means = {
        model: [plain_mean(column) for column in zip(*figures.values(), strict=True)]
        for model, figures in published["plcc_srcc"].items()
    }
    best_mean = [figure(max(column)) for column in zip(*means.values(), strict=True)]
    rows = [
        [
            model,
            "published",
            titles[published["trained_on"]],
            *(_pair(figures[name], best[name]) for name in sets),
            _pair(means[model], best_mean),
        ]
        for model, figures in published["plcc_srcc"].items()
    ]
    for model in dict.fromkeys(result["model"] for result in results if result["dataset"] in sets):
        ours = [result for result in results if result["model"] == model]
        trained_on = titles.get(ours[0]["trained_on"], ours[0]["trained_on"]) or _DASH
        cells = [
            "<br>".join(_our_cell(r, published, best[name]) for r in ours if r["dataset"] == name) for name in sets
        ]
        rows.append([model, "measured here", trained_on, *(cell or _DASH for cell in cells), _DASH])
    header = ("Model", "Figures", "Trained on", *(facts["title"] for facts in sets.values()), "Mean")
    parts = ", ".join(facts["title"] for facts in sets.values() if not facts["whole"])
    return (
        f"Beside published figures, PLCC / SRCC. The published ones are those of {published['source']} "
        f"({published['provenance']}):",
        _table(header, rows, left=3),
        f"The published figures are on test parts of {parts}, and on the whole of the other sets. A figure measured here is "
        f"comparable with them only if it is on the whole of such a set, and of a model trained on "
        f"{titles[published['trained_on']]}. Bold: the best of those that are comparable. The PLCC measured here is the plain "
        "one, without mapping.",
    )


def _our_cell(result: Result, published: Mapping[str, Any], best: Sequence[str]) -> str:
    pair = [result["plcc"], result["srcc"]]
    if _is_comparable(result, published):
        return _pair(pair, best)
    split = "" if result["split"] == "all" else f"{result['split']}, "
    return f"{_pair(pair, (None, None))} ({split}{_pictures(result, ' pictures')})"


def _is_comparable(result: Result, published: Mapping[str, Any]) -> bool:
    """Whether it is of a model trained on the same set and on all pictures of one that the published figures are on whole."""
    return (
        result["trained_on"] == published["trained_on"]
        and published["sets"][result["dataset"]]["whole"]
        and result["split"] == "all"
        and result["n"] == result["n_published"]
    )


def _notes(groups: Iterable[Sequence[Result]]) -> list[str]:
    """One list of what there is to note; what holds for some models of a set only names them."""
    lines = []
    for group in groups:
        for note in dict.fromkeys(note for result in group for note in result["notes"]):
            models = [result["model"] for result in group if note in result["notes"]]
            whose = "" if len(models) == len(group) else f", {', '.join(models)}"
            lines.append(f"- {_set(group[0])}{whose}: {note.rstrip('.')}.")
    return ["\n".join(lines)] if lines else []


def _set(result: Result) -> str:
    return result["title"] if result["split"] == "all" else f"{result['title']}, {result['split']}"


def _asked(result: Result) -> int:
    """How many pictures the model was to score."""
    return int(result["n"] + result["n_failed"])


def _pictures(result: Result, unit: str = "") -> str:
    """How many pictures, of how many published ones where that is fewer, and how many of them failed."""
    n, published = _asked(result), result["n_published"]
    of_published = f" of {published:,}" if published and n < published else ""
    return f"{n:,}{of_published}{unit}" + (f", {result['n_failed']:,} failed" if result["n_failed"] else "")


def _value(result: Result, name: str) -> float | None:
    value = result[name]
    return value["mean"] if isinstance(value, Mapping) else value


def _best(name: str, rivals: Sequence[Result]) -> str | None:
    """The best of several models' figures as it is shown; `None` where there is no contest."""
    values = [value for result in rivals if (value := _value(result, name)) is not None]
    if len(values) < 2:
        return None
    return figure(min(values) if name == "rmse_logistic" else max(values))


def _bold(text: str, best: str | None) -> str:
    return f"**{text}**" if text == best else text


def _pair(values: Sequence[float | None], best: Sequence[str | None]) -> str:
    return " / ".join(_bold(figure(value), one) for value, one in zip(values, best, strict=True))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> str:
    """A Markdown table whose first `left` columns are words and whose others are numbers."""
    ruler = ["---"] * left + ["---:"] * (len(header) - left)
    cells = [header, ruler, *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)
