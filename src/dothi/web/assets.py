"""Static files under one digest of the whole tree: cached for ever by browsers, new at once after a change."""

import hashlib
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"


def digest(folder: Path = FOLDER) -> str:
    """Twelve hexadecimal digits that change when any file of the tree does."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            whole.update(str(path.relative_to(folder)).encode())
            whole.update(path.read_bytes())
    return whole.hexdigest()[:12]


class Assets(StaticFiles):
    """Serves /static/<digest>/<path>; the digest stands for the tree, so that relative imports keep working."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read the tree once for its digest."""
        super().__init__(directory=folder)
        self.folder = folder
        self.digest = digest(folder)

    def url(self, path: str) -> str:
        """The address of a static file; FileNotFoundError when there is none, so that a test tells it."""
        if not (Path(str(self.directory)) / path).is_file():
            raise FileNotFoundError(f"static/{path} is missing; vendor/ is filled by scripts/setup")
        return f"/static/{self.digest}/{path}"

    async def get_response(self, path: str, scope: Any) -> Response:
        """The file after the first part of the path, whatever digest is asked for; only the right one is kept."""
        asked, _, rest = path.partition("/")
        if not rest:
            raise HTTPException(404)
        response = await super().get_response(rest, scope)
        response.headers["Cache-Control"] = FOR_EVER if asked == self.digest else "no-cache"
        return response
