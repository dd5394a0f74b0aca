"""Up to when the ticks of schedules are seen to."""

TICKS = "SELECT name, schedule, seen_until FROM schedule_ticks"

SAVE_TICK = """
INSERT INTO schedule_ticks (name, schedule, seen_until) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET schedule = excluded.schedule, seen_until = excluded.seen_until
"""
