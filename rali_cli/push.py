"""`rali push`: a checkpoint to the Hub."""

from pathlib import Path
from typing import Annotated

import typer

from .options import stop


def push(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="Folder of a checkpoint.")
    ],
    repo: Annotated[str, typer.Argument(metavar="REPO", help="Model repository, user/name; made if need be.")],
    private: Annotated[bool, typer.Option("--private", help="Make the repository private.")] = False,
    metrics: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="What `rali evaluate` wrote about it, for the card.", metavar="JSON"
        ),
    ] = None,
) -> None:
    """Push a checkpoint to the Hub: configuration, weights, the code that loads them, and a card made from the facts."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, HTTPError
    from transformers.utils import logging

    from modeling_rali.hub import push_to_hub

    logging.disable_progress_bar()
    try:
        address = push_to_hub(folder, repo, metrics=metrics, private=private)
    except HfHubHTTPError as error:
        reason, status = str(error).partition("\n")[0], error.response.status_code
        log_in = (
            f" Log in with `hf auth login`, with a token that may write to {repo}." if status in (401, 403, 404) else ""
        )
        stop(f"the Hub did not take {repo} (status {status}): {reason}{log_in}", 1)
    except HTTPError as error:  # of its client: there was no answer
        stop(f"{constants.ENDPOINT} cannot be reached ({error}): check the network, and HF_ENDPOINT if it is set.", 1)
    except (OSError, ValueError) as error:
        stop(str(error), 1)
    typer.echo(f"Pushed to {address}")
