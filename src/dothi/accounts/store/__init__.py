"""Where accounts and vault are kept: two SQLite files, or two schemas of a PostgreSQL database."""

from dothi.accounts.store.accounts import CACHE_LIFE as CACHE_LIFE
from dothi.accounts.store.accounts import CACHED_MAX as CACHED_MAX
from dothi.accounts.store.accounts import Accounts as Accounts
from dothi.accounts.store.accounts import Cache as Cache
from dothi.accounts.store.opening import open_database as open_database
from dothi.accounts.store.port import Connection as Connection
from dothi.accounts.store.port import Database as Database
from dothi.accounts.store.port import Row as Row
