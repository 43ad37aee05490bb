"""Plug-ins: one file each, found by its name.

A *kind* is a package whose `base.py` holds one abstract class. Every other public module in that
package is one implementation and holds one subclass of it; the module's name is the plug-in's
name. Modules are listed without importing them. Installed packages join through an entry-point
group named `vocative.<kind>`; a built-in wins a clash of names.
"""

import importlib
import importlib.metadata
import importlib.util
import inspect
import pkgutil
from dataclasses import dataclass
from typing import Generic, TypeVar

from vocative.errors import AuthorError, unknown_name

T = TypeVar("T")


@dataclass(frozen=True)
class Kind(Generic[T]):
    """One kind of plug-in, for example the channels."""

    name: str
    package: str
    base: type[T]

    def names(self) -> list[str]:
        """The names of every implementation, sorted; nothing is imported."""
        return sorted({*self._built_in(), *self._installed()})

    def load(self, name: str) -> type[T]:
        """The class called `name`.

        Raises:
            UnknownName: nothing has that name.
            AuthorError: it needs a package that is not installed.
        """
        if name in self._built_in():
            return self._class_in(f"{self.package}.{name}")
        installed = self._installed().get(name)
        if installed is not None:
            return self._class_in(installed.module)
        raise unknown_name(self.name.rstrip("s"), name, self.names())

    def _built_in(self) -> list[str]:
        # find_spec locates the folder without running the package's modules.
        spec = importlib.util.find_spec(self.package)
        paths = spec.submodule_search_locations if spec else None
        return [
            module.name
            for module in pkgutil.iter_modules(paths)
            if module.name != "base" and not module.name.startswith("_") and not module.ispkg
        ]

    def _installed(self) -> dict[str, importlib.metadata.EntryPoint]:
        return {
            point.name: point
            for point in importlib.metadata.entry_points(group=f"vocative.{self.name}")
        }

    def _class_in(self, module_name: str) -> type[T]:
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as missing:
            extra = getattr(missing, "name", None)
            raise AuthorError(
                f"{self.name.rstrip('s')} {module_name.rpartition('.')[2]!r} needs the package"
                f" {extra!r}, which is not installed",
                hint=f"pip install {extra}",
            ) from missing
        for _, member in inspect.getmembers(module, inspect.isclass):
            own = member.__module__ == module_name
            if own and issubclass(member, self.base) and not inspect.isabstract(member):
                return member
        raise AuthorError(
            f"{module_name} defines no {self.base.__name__}",
            hint=f"add one subclass of {self.base.__module__}.{self.base.__name__} to the file",
        )
