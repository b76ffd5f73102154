"""Detections of cameras and gates in a lane of their own: a person confirms before anything follows from one."""
