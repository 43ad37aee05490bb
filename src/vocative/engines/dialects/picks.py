"""`arg_max(value, (a, b, c))` for engines that cannot order by several columns at once.

In comes a grouped SELECT with such picks; out goes one over a relation that has marked, with a
window function, the one row of each group whose value is picked.
"""

from sqlglot import exp

from vocative.engines.dialects.kinds import kind_of

Picks = (exp.ArgMax, exp.ArgMin)


def known_values_only(tree: exp.Expression, opening: str) -> None:
    """For engines with `max_by`: DuckDB passes over unknown values, they do not."""
    for pick in list(tree.find_all(*Picks)):
        value, keys = pick.this, pick.expression
        pick.set("expression", _tuple(keys, opening))
        known = exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))
        if isinstance(pick.parent, exp.Filter):
            where = pick.parent.expression
            where.set("this", exp.and_(where.this, known))
        else:
            pick.replace(exp.Filter(this=pick.copy(), expression=exp.Where(this=known)))


def _tuple(keys: exp.Expression, opening: str) -> exp.Expression:
    if not isinstance(keys, exp.Tuple):
        return keys
    return exp.Anonymous(this=opening, expressions=list(keys.expressions))


def marked_rows(tree: exp.Expression) -> exp.Expression:
    """The tree with every pick found by a window function."""
    for select in list(tree.find_all(exp.Select)):
        picks = [
            pick
            for column in select.expressions
            for pick in column.find_all(*Picks)
            if pick.find_ancestor(exp.Select) is select
        ]
        if picks:
            _mark(select, picks)
    return tree


def _mark(select: exp.Select, picks: list[exp.Expression]) -> None:
    """One SELECT, in place."""
    keys = list(select.args["group"].expressions)
    inner = exp.Select()
    for part in ("from_", "joins", "where"):
        inner.set(part, select.args.get(part))
        select.set(part, None)
    for number, pick in enumerate(picks, start=1):
        whole = pick.parent if isinstance(pick.parent, exp.Filter) else pick
        condition = whole.expression.this if isinstance(whole, exp.Filter) else None
        name = exp.to_identifier(f"pick {number}", quoted=True)
        inner.append("expressions", exp.alias_(_picked(pick, condition, keys), name))
        chosen = exp.column(name.copy())
        either = kind_of(pick.this) == "boolean"
        whole.replace(exp.LogicalOr(this=chosen) if either else exp.Max(this=chosen))
    _pass_on_columns(select, inner)
    select.set("from_", exp.From(this=inner.subquery("facts")))


def _picked(
    pick: exp.Expression, condition: exp.Expression | None, keys: list[exp.Expression]
) -> exp.Expression:
    """The value on the one row of its group that is picked, NULL on the others."""
    fits: exp.Expression = exp.Not(this=exp.Is(this=pick.this.copy(), expression=exp.Null()))
    if condition is not None:
        fits = exp.And(this=exp.paren(condition.copy()), expression=fits)
    by = pick.expression
    order = by.expressions if isinstance(by, exp.Tuple) else [by]
    first = exp.Case(ifs=[exp.If(this=fits.copy(), true=_number(0))], default=_number(1))
    descending = isinstance(pick, exp.ArgMax)
    window = exp.Window(
        this=exp.RowNumber(),
        partition_by=[key.copy() for key in keys],
        order=exp.Order(
            expressions=[
                exp.Ordered(this=first, desc=False, nulls_first=False),
                *(
                    exp.Ordered(this=key.copy(), desc=descending, nulls_first=False)
                    for key in order
                ),
            ]
        ),
        over="OVER",
    )
    chosen = exp.and_(exp.EQ(this=window, expression=_number(1)), fits)
    return exp.Case(ifs=[exp.If(this=chosen, true=pick.this.copy())])


def _number(value: int) -> exp.Expression:
    return exp.Literal(this=str(value), is_string=False)


def _pass_on_columns(select: exp.Select, inner: exp.Select) -> None:
    """Give the inner relation every column that the outer one still uses."""
    passed: dict[str, exp.Expression] = {}
    used = [
        column
        for part in (*select.expressions, *select.args["group"].expressions)
        for column in part.find_all(exp.Column)
    ]
    for column in used:
        if not column.table and column.name.startswith("pick "):
            continue
        name = f"{column.table} {column.name}" if column.table else column.name
        passed.setdefault(name, column.copy())
        renamed: exp.Expr = exp.column(exp.to_identifier(name, quoted=True))
        if column.parent is select:
            renamed = exp.alias_(renamed, exp.to_identifier(column.name, quoted=True))
        if column.arg_key == "expressions" and column.find_ancestor(exp.Group):
            renamed = exp.column(exp.to_identifier(name, quoted=True))
        column.replace(renamed)
    for name, column in passed.items():
        alias = exp.alias_(column, exp.to_identifier(name, quoted=True))
        inner.append("expressions", alias)
