"""Options that commands share. Each field of `Options` is declared once, and a command takes them as one value."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from audit.options import MAX_TOP_K, Dtype, Options

CHECKPOINT_HELP = "A hub id, a local folder, `demo` or `demo-finetuned`."
Probes = Annotated[
    list[str] | None,
    typer.Option("--probe", "-p", help="A shipped probe or a YAML file; repeat for several. Default: all shipped."),
]
RunFolderPath = Annotated[Path | None, typer.Option(help="Run folder. Default: runs/NAME.")]
MaxPrompts = Annotated[int, typer.Option(min=1, help="Refuse more prompts than this.")]

DECLARED: dict[str, Any] = {
    "revision": Annotated[str | None, typer.Option(help="Branch, tag or commit of a hub checkpoint.")],
    "top_k": Annotated[
        int, typer.Option(min=1, max=MAX_TOP_K, help="Whole-vocabulary predictions kept for each prompt.")
    ],
    "multi_token": Annotated[
        bool,
        typer.Option(
            "--multi-token", help="Score words of several subword tokens too; `plan` shows what it would cost."
        ),
    ],
    "device": Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")],
    "dtype": Annotated[Dtype, typer.Option(help="Number format of the computation; int8 on a CPU only.")],
    "batch_tokens": Annotated[
        int | None, typer.Option(min=1, max=10**9, help="Tokens in a batch. Default: by device.")
    ],
    "offline": Annotated[
        bool, typer.Option("--offline", help="Never use the network: local folders and the hub's cache.")
    ],
    "allow_pickle": Annotated[
        bool, typer.Option("--allow-pickle", help="Load .bin weights. Only from a source you trust.")
    ],
    "trust_remote_code": Annotated[
        bool,
        typer.Option("--trust-remote-code", help="Run code that the checkpoint brings. Only if you have read it."),
    ],
    "mlm_head_from": Annotated[
        str | None,
        typer.Option(
            help="Put the checkpoint's encoder under the masked-LM head of this one: for fine-tuned classifiers."
        ),
    ],
    "seed": Annotated[
        int,
        typer.Option(
            min=0, max=2**32 - 1, help="Of the resampling behind intervals and nulls; scores don't depend on it."
        ),
    ],
}


def takes_options(*left_out: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each field of `Options` but those left out, in place of its parameter `options`."""
    defaults = {field.name: field.default for field in fields(Options)}
    names = [name for name in DECLARED if name not in left_out]

    def expand(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def expanded(**given: Any) -> None:
            options = Options(**{name: given.pop(name) for name in names})
            command(**given, options=options)

        own = inspect.signature(command, eval_str=True).parameters.values()
        declared = [_parameter(name, defaults[name], DECLARED[name]) for name in names]
        parameters: list[inspect.Parameter] = []
        for each in own:
            parameters += declared if each.name == "options" else [_parameter(each.name, each.default, each.annotation)]
        expanded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        expanded.__annotations__ = {each.name: each.annotation for each in parameters}
        return expanded

    return expand


def _parameter(name: str, default: object, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
