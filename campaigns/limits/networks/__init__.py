"""The limits of the networks, one file each: values, where they were read, and when."""
