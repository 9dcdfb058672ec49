"""The command `maskaudit`: arguments in, calls of the other rooms, text out. The one room that knows `reports`."""
