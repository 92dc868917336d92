"""What delivery risk keeps of a status report, and when a report's outcome is known."""

from __future__ import annotations

from firm.columns import Amount, Keep, NextRises, Stretch

SLIP_DAYS = 60.0
"""A completion that moves by more than this between two reports counts as a slip."""
STRETCHES = (240.0, 480.0, 900.0, 1600.0)
"""Edges, in days to completion, between stretches of a project that slip at rates of their own."""

fold = Keep(
    {
        "forecast": "forecast_completion",
        "start": "design_start",
        "budget": Amount("budget_forecast", currency="USD"),
        "phase": "phase",
        "owner": "owner",
        "stretch": Stretch("forecast_completion", STRETCHES),
    }
)
settle = NextRises("forecast", by_more_than=SLIP_DAYS)
"""A report is judged by the next one of its project: has the completion moved too far?"""
