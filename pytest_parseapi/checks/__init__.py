"""Judgements of a record: each check reads what happened and tells what is wrong. Private."""
