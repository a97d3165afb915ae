"""Social networks, messengers and SMS over HTTP: one thin module each over one client and one list of errors."""
