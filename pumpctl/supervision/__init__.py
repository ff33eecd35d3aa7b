"""The rooms of the controller: one channel's supervision, decided purely from events and instants."""
