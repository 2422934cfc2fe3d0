"""What the data is: fields and their meaning, sessions, panels, the store and its sources."""
