"""The situation wall: scenes that rotate, read from across the room, with the age and source of everything."""

from dothi.web.pages.operations.wall.page import PAGES as PAGES
