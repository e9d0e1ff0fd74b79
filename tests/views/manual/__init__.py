"""What people and programs are shown: in words, in order, and never as a control character."""
