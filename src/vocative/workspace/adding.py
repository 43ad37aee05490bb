"""Writes ready-made files into a workspace's folder: all of them or none."""

from collections.abc import Mapping
from pathlib import Path

from vocative.errors import AuthorError


def add_files(files: Mapping[Path, str]) -> None:
    """Write files that are not there yet; when one cannot be written, none is left.

    Args:
        files: The text of each file, by its path.

    Raises:
        AuthorError: a file cannot be written.
    """
    written: list[Path] = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{path.name}.partial")
            written += [partial, path]
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
    except OSError as error:
        remove_files(written)
        raise AuthorError(
            f"the file cannot be written: {error.strerror or error}",
            where=str(path),
            hint="check who owns the workspace folder, and free some space on the disk",
        ) from error


def remove_files(paths: list[Path]) -> None:
    """Take away what was written, where it is there."""
    for path in paths:
        path.unlink(missing_ok=True)
