"""Results and progress on a terminal. Imports rich: to be imported where a command runs."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from modeling_rali.inference import Result, written_name

GRADE_STYLES = {"bad": "red", "poor": "dark_orange", "fair": "yellow", "good": "green", "excellent": "cyan"}

# A file name may hold anything: line breaks, or orders to the terminal
_CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160))}


def visible(text: str) -> str:
    """A text from outside, such as a file name, in one line and with its control characters escaped."""
    return written_name(text).translate(_CONTROLS)


def plain_row(result: Result) -> str:
    """A result as tab-separated path, score, label, error, and explanation where there is one."""
    score = "" if result.score is None else f"{result.score:.4f}"
    cells = [visible(result.path), score, result.label or "", visible(result.error or "")]
    return "\t".join(cells + ([visible(result.explanation)] if result.explanation else []))


def results_table(results: Sequence[Result]) -> Table:
    """Results as a table; a path too long for its column goes on in the next line."""
    explained = any(result.explanation for result in results)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("path", overflow="fold")
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("label", overflow="fold")
    if explained:
        table.add_column("explanation", overflow="fold")
    for result in results:
        path = Text(visible(result.path))
        if result.score is None:
            table.add_row(path, Text("–", "dim"), Text(visible(result.error or ""), "red"))
        else:
            label = Text(result.label or "", GRADE_STYLES.get(result.label or "", ""))
            explanation = [Text(visible(result.explanation or ""))] if explained else []
            table.add_row(path, f"{result.score:.2f}", label, *explanation)
    return table


def progress_bar(console: Console) -> Progress:
    """A progress bar with pictures a second and the time left; shows nothing where `console` is not a terminal."""
    columns = (BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} pictures/s" if task.speed else "", "cyan")
