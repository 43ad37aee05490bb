"""The command line: one command per operation, built when it is used."""

import contextlib
import errno
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click

from vocative import __version__
from vocative.operations import OPERATIONS, Operation, Parameter


class Instant(click.ParamType[datetime]):
    """An instant in ISO 8601; UTC unless it says another zone."""

    name = "instant"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> datetime:
        """The aware instant that a text names."""
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            told = f"{value!r} is no instant: write 2026-03-31 or 2026-03-31T09:00+02:00"
            self.fail(told, param, ctx)
        return at if at.tzinfo else at.replace(tzinfo=UTC)


_TYPES: dict[Any, click.ParamType[Any]] = {
    datetime: Instant(),
    str: click.STRING,
    int: click.INT,
    float: click.FLOAT,
    Path: click.Path(path_type=Path),
}


class OperationCommand(click.Command):
    """A command whose parameters are read from its function, when they are needed."""

    def __init__(self, operation: Operation) -> None:
        word = operation.name.rpartition(" ")[2]
        super().__init__(word, short_help=operation.summary, help=operation.summary)
        self._operation = operation

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The operation's parameters and the flags every command has."""
        if not self.params:
            self.params = [_parameter(self._operation, p) for p in self._operation.parameters]
            self.params.append(
                click.Option(["--json", "as_json"], is_flag=True, help="Print JSON.")
            )
            if self._operation.needs_workspace:
                self.params.extend(_workspace_options())
        return super().get_params(ctx)

    def invoke(self, ctx: click.Context) -> None:
        """Run the operation and print its result."""
        from vocative.cli.run import run_operation

        run_operation(self._operation, dict(ctx.params))


class OperationGroup(click.Group):
    """Commands that share their first words; nothing is imported to list them."""

    def __init__(self, prefix: str = "", **attributes: Any) -> None:
        super().__init__(**attributes)
        self._prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The next words below this group, in the table's order."""
        found = dict.fromkeys(
            name.removeprefix(self._prefix).split(" ")[0]
            for name, operation in OPERATIONS.items()
            if name.startswith(self._prefix) and operation.command
        )
        return list(found)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """The command or the group of a word."""
        name = f"{self._prefix}{cmd_name}"
        if name in OPERATIONS:
            return OperationCommand(OPERATIONS[name])
        if any(known.startswith(f"{name} ") for known in OPERATIONS):
            words = ", ".join(
                known.removeprefix(f"{name} ")
                for known in OPERATIONS
                if known.startswith(f"{name} ")
            )
            return OperationGroup(
                prefix=f"{name} ", name=cmd_name, short_help=f"{cmd_name.capitalize()}: {words}."
            )
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; a misspelt one gets the nearest name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from vocative.errors import nearest

            guess = nearest(args[0], self.list_commands(ctx))
            if guess:
                raise click.UsageError(f"{error.message} Did you mean {guess!r}?", ctx) from None
            raise


def _workspace_options() -> list[click.Parameter]:
    return [
        click.Option(
            ["--workspace", "-w"],
            type=click.Path(path_type=Path),
            envvar="VOCATIVE_WORKSPACE",
            default=Path(),
            help="The workspace folder; the current one unless told.",
        ),
        click.Option(
            ["--now"],
            type=Instant(),
            envvar="VOCATIVE_NOW",
            help="Act as if it were this instant: for historical data.",
        ),
    ]


def _parameter(operation: Operation, parameter: Parameter) -> click.Parameter:
    # click takes a default of None for a value that was given.
    default = {} if parameter.required else {"default": parameter.default}
    if parameter.name in operation.arguments:
        return click.Argument(
            [parameter.name],
            required=parameter.required,
            nargs=-1 if parameter.is_list else 1,
            type=click.STRING if parameter.is_list else _click_type(parameter.type),
            **default,
        )
    flag = "--" + parameter.name.rstrip("_").replace("_", "-")
    names = [flag, parameter.name]
    if parameter.name == "mapping":
        names.insert(0, "--map")
    if parameter.type is bool:
        # What is yes already needs a way to say no.
        flags = f"{flag}/--no-{flag.removeprefix('--')}" if parameter.default else flag
        names = [flags, parameter.name]
        return click.Option(names, is_flag=True, default=parameter.default, help=parameter.help)
    return click.Option(
        names,
        required=parameter.required,
        show_default=parameter.default is not None,
        type=_click_type(parameter.type),
        help=parameter.help,
        **default,
    )


def _click_type(annotation: Any) -> click.ParamType[Any]:
    if get_origin(annotation) is Literal:
        return click.Choice(list(get_args(annotation)))
    if annotation not in _TYPES:
        raise TypeError(f"an operation cannot take a {annotation} on the command line")
    return _TYPES[annotation]


main = OperationGroup(
    name="vocative",
    help="Vocative: the right message for each person, sent once, measured honestly.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
main = click.version_option(__version__, prog_name="vocative")(main)


def run() -> None:
    """The console script: every failure becomes one clear message and an exit code."""
    from vocative.errors import VocativeError

    # Small matrices on several threads spend their time waiting for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        # A reader such as `head` may close the pipe early; that is no failure.
        main(prog_name="vocative")
    except VocativeError as error:
        _fail(str(error))
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        _fail(
            "the disk is full; nothing was half done\n"
            "  hint: free some space, then run the command again"
        )


def _fail(message: str) -> None:
    click.echo(f"error: {message}", err=True)
    sys.exit(1)
