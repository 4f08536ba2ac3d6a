"""Opening, refusing, and the two doors."""

from sqlalchemy import text

from storage.database import Database


def test_smoke(database: Database):
    with database.reading() as conn:
        assert conn.execute(text("select count(*) from audit")).scalar() == 1
