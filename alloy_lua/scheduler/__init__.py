"""When scripts are due: cron arithmetic, the heap of schedules, and the thread that turns ticks into jobs."""
