"""The door of work that nobody waits for: tasks, their timetable, and the processes that run both."""
