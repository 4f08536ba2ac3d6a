"""What people do with an alert, one module a kind: the table that the desk looks acts up in. May not know Bolt.

An act is a handler, called when it was authorised, or a `Form`, which opens a modal and is applied when submitted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.access import Act
from bot.slack.acts.answering import accept, acknowledge, unfold, withdraw
from bot.slack.acts.assigning import ASSIGN
from bot.slack.acts.copying import copy
from bot.slack.acts.deciding import DECIDE
from bot.slack.acts.drilling import got_it
from bot.slack.acts.explaining import why
from bot.slack.acts.form import Form
from bot.slack.acts.noting import NOTE
from bot.slack.acts.raising import RAISE
from bot.slack.acts.resolving import RESOLVE
from bot.slack.acts.snoozing import SNOOZE
from bot.slack.acts.taking import take_over
from bot.slack.case import Case

ACTS: Mapping[Act, Callable[[Case], None] | Form] = {
    Act.ACKNOWLEDGE: acknowledge,
    Act.WITHDRAW: withdraw,
    Act.ASSIGN: ASSIGN,
    Act.NOTE: NOTE,
    Act.SNOOZE: SNOOZE,
    Act.DECIDE: DECIDE,
    Act.RESOLVE: RESOLVE,
    Act.ACCEPT: accept,
    Act.WHY: why,
    Act.COPY: copy,
    Act.DRILL: got_it,
    Act.RAISE: RAISE,
    Act.TAKE_OVER: take_over,
    Act.UNFOLD: unfold,
}
"""Act → what happens. `Act.STATUS` and its like are asked for by command only (`bot.slack.commands`)."""
