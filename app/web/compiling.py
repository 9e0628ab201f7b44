"""What Jinja makes of templates: what is the same on all pages is settled once, when a template is compiled."""

from __future__ import annotations

from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import Environment
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, Macro
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape

_PLAIN = frozenset({FunctionType, MethodType, BuiltinFunctionType})


class Calls(Context):
    """Calls functions and macros without Jinja's search for what each wants besides its arguments.

    A page makes more than a hundred calls, and the search takes longer than most of what they do.
    """

    def call(self, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call it as Jinja does."""
        kind = type(called)
        if kind is Macro:
            args = (self.eval_ctx, *args)
        elif kind not in _PLAIN or hasattr(called, "jinja_pass_arg"):
            return super().call(called, *args, **kwargs)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        return called(*args, **kwargs)


class _Settled(NodeTransformer):
    """Puts a constant in the place of a call whose arguments are constants."""

    def __init__(self, functions: dict[str, Callable[..., Markup]]) -> None:
        self._functions = functions

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 # after the node's class
        """Leave a call as it is if it needs more than constants, or fails: then it fails on the page."""
        self.generic_visit(node)
        function = self._functions.get(node.node.name) if isinstance(node.node, nodes.Name) else None
        if function is None or node.dyn_args or node.dyn_kwargs:
            return node
        try:
            args = [each.as_const() for each in node.args]
            settled = function(*args, **{each.key: each.value.as_const() for each in node.kwargs})
        except Exception:  # noqa: BLE001 # whatever it raises, it raises again where the page calls it
            return node
        return nodes.Const(settled, lineno=node.lineno, environment=node.environment)


def _shown(value: Any) -> str:
    """What a page shows of a value. Most are HTML, which `escape` would copy to return another of the same."""
    return value if type(value) is Markup else escape(value)


class Settling(CodeGenerator):
    """Calls the functions of `settle_once` when it compiles a template."""

    def visit_Template(self, node: nodes.Template, frame: Any = None) -> None:  # noqa: N802 # Jinja's name
        """Only in templates that escape, where such a function returns HTML, and not where another has its name."""
        if EvalContext(self.environment, self.name).autoescape:
            named = {each.name for each in node.find_all(nodes.Name) if each.ctx != "load"}
            functions = self.environment.settled  # type: ignore[attr-defined]  # `settle_once` adds it
            _Settled({name: each for name, each in functions.items() if name not in named}).visit(node)
        super().visit_Template(node, frame)

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        # Here Jinja's own generators say how they differ (`jinja2.nativetypes`).
        if frame.eval_ctx.autoescape and not frame.eval_ctx.volatile and finalize.src is None:
            self.write("environment.shown(")
        else:
            super()._output_child_pre(node, frame, finalize)


def settle_once(environment: Environment, name: str, function: Callable[..., Markup]) -> None:
    """Call a function of templates once for each place that gives it only constants, instead of on each page.

    It must return the same for every reader, and for as long as the process runs.
    """
    if not hasattr(environment, "settled"):
        environment.extend(settled={}, shown=_shown)
        environment.code_generator_class = Settling
    environment.settled[name] = function  # type: ignore[attr-defined]  # as above
