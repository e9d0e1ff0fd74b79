"""Try."""
from tests.support.desk import Desk
from tests.support.postgresql import Database
from tests.support.contract import call
from tests.support.floor import new_floor


def test_try(tmp_path, database: Database) -> None:
    desk = new_floor(tmp_path)
    with database.connect() as connection:
        connection.execute(desk.run("init", "--print-sql").out.encode())
    ran = desk.run("store", "move", database.location(), "--yes", "--json")
    print(ran)
    print(desk.run("store", "move", database.location(), "--yes", "--json"))
    print(desk.run("store", "move", database.location("owner"), "--yes", "--json"))
    print(desk.run("status"))
    print(desk.run("doctor"))
    print(desk.verify("alice", "111222"))
    print(database.sql("select * from pincli.store"))
    print(database.sql("select number, kind, note, seal from pincli.trail order by number desc limit 3"))
    assert 0
