"""When: phrases, structures, calendars and zones; the only place of the project that knows them."""
