"""What the command line and other front ends call: functions with explicit dependencies, one module a subject."""
