"""What a user may do at the broker."""

from infra.access import USERS
from infra.kubernetes.users import manifests

FOUND = {each["metadata"]["name"]: each["spec"]["authorization"]["acls"] for each in manifests()}


def rights(user: str, kind: str, operation: str) -> set[str]:
    return {
        acl["resource"]["name"]
        for acl in FOUND[user]
        if acl["resource"]["type"] == kind and operation in acl["operations"]
    }


def test_a_function_reads_and_writes_what_it_needs_and_changes_nothing():
    for name, user in USERS.items():
        assert rights(name, "topic", "Read") == user.reads
        assert rights(name, "topic", "Write") == user.writes
        for operation in ("Create", "Delete", "Alter", "AlterConfigs", "All"):
            assert rights(name, "topic", operation) == set()


def test_a_function_reads_in_its_own_groups_alone():
    assert rights("trainer", "group", "Read") == {"shelfcast-trainer", "shelfcast-express-trainer"}
    (group,) = [acl["resource"] for acl in FOUND["sales"] if acl["resource"]["type"] == "group"]
    assert group == {"type": "group", "name": "spark-kafka-source-", "patternType": "prefix"}


def test_a_shop_sends_and_does_not_read():
    assert rights("shop", "topic", "Write") == {"sales", "calendar"}
    assert rights("shop", "topic", "Read") == set()
