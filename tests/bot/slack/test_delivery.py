"""Delivery to a real server: under every fault exactly one message stays visible."""

from __future__ import annotations

from tests.bot.slack.bench import Bench


def test_an_alert_is_posted_once_with_its_key_in_metadata_and_block(slack: Bench) -> None:
    """Would catch a lost key, without which nothing can be reconciled."""
    key = slack.alert()
    report = slack.run()
    [post] = slack.posts()
    assert (report.sent, report.held, report.ambiguous) == (1, 0, 0)
    assert post["metadata"]["event_payload"]["delivery_key"] == key
    assert post["blocks"][0]["block_id"] == key
    assert slack.run(5).sent == 0
    assert len(slack.posts()) == 1
