"""The verdict on one start: the order judged anew with everything known now, and the rules on starts with it.

Refuses to know any rule, and to take an earlier verdict on the order for this one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pumpctl.core.library import Library
from pumpctl.core.order import Order
from pumpctl.core.rules.case import Context, Moment, open_case
from pumpctl.core.rules.start_case import Start
from pumpctl.core.rules.start_table import START_RULES
from pumpctl.core.rules.table import RULES, Rule
from pumpctl.core.validation import Verdict, judge_case


def judge_start(order: Order, library: Library, context: Context, start: Start) -> Verdict:
    """judge() at the context's time, and every rule on a start of this program from this bag."""
    moment = Moment.START if start.begins_occurrence else Moment.CONTINUATION
    at_start = tuple(Rule(row.id, tuple(partial(judge, start) for judge in row.at_start)) for row in START_RULES)
    return judge_case(
        open_case(order, library, replace(context, moment=moment)), context.overrides, (*RULES, *at_start)
    )
