"""MiniStack with four things that it lacks.

It does not know the condition key dynamodb:LeadingKeys, on which the rights of a job's container stand, and that nobody
changes the audit. As on AWS each item of a transaction is looked at by itself, with its own partition key.

It sends all of an object where a range of one of its versions is asked for.

It tells everybody that an object is not there, as S3 does only those who may list the whole bucket.

It judges the use of a key by the alias that it was asked for by, as if that were the key. On AWS it is the key itself, and the
alias is the condition key kms:RequestAlias.
"""

import json
import re
from contextvars import ContextVar

from ministack.app import main
from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb, kms, s3

KEY = "dynamodb:LeadingKeys"
MISSING = "s3:ListBucket"

# may a caller of S3 do something: asked anew for each request
ALLOWED = ContextVar("allowed", default=lambda action, arn: True)


class TableArn(str):
    """ARN of a table, and the partition key that one item of a transaction names."""

    leading_keys: list


def partition_value(request):
    """Partition keys that a request, or an item of a transaction, names."""
    table = dynamodb._tables.get(request.get("TableName", "")) or {}
    for member in ("Key", "Item"):
        value = (request.get(member) or {}).get(table.get("pk_name", ""))
        if isinstance(value, dict):
            return [str(v) for v in value.values()]
    names = request.get("ExpressionAttributeNames") or {}
    values = request.get("ExpressionAttributeValues") or {}
    partitions = {table.get("pk_name")} | {
        key["AttributeName"]
        for index in table.get("GlobalSecondaryIndexes") or []
        for key in index["KeySchema"]
        if key["KeyType"] == "HASH"
    }
    found = []
    for name, value in re.findall(r"(#?\w+)\s*=\s*(:\w+)", request.get("KeyConditionExpression") or ""):
        if names.get(name, name) in partitions:
            found += [str(v) for v in values.get(value, {}).values()]
    return found


def with_leading_keys(original):
    def context(body):
        known = original(body)
        keys = partition_value(json.loads(body or b"{}"))
        return {**known, KEY: keys} if keys else known

    return context


def item_by_item(original):
    def checks(action, body, region, account):
        items = [
            detail
            for item in json.loads(body or b"{}").get("TransactItems") or []
            for detail in item.values()
        ]
        arns = []
        for (item_action, arn), item in zip(original(action, body, region, account), items):
            table = TableArn(arn)
            table.leading_keys = partition_value(item)
            arns.append((item_action, table))
        return arns

    return checks


def with_item_key(original):
    def enforce(access_key, action, service, region, resource_arn="*", service_context=None):
        if isinstance(resource_arn, TableArn):
            service_context = {**(service_context or {}), KEY: resource_arn.leading_keys}
        if service == "s3":
            ALLOWED.set(lambda other, arn: original(access_key, other, service, region, arn) is None)
        return original(access_key, action, service, region, resource_arn, service_context)

    return enforce


def missing_is_forbidden(original):
    def answer(bucket_name, key, headers=None, query_params=None, **more):
        told = original(bucket_name, key, headers, query_params, **more)
        if told[0] != 404 or ALLOWED.get()(MISSING, f"arn:aws:s3:::{bucket_name}"):
            return told
        return s3._error("AccessDenied", "Access Denied", 403)

    return answer


def range_of_version(original):
    def get_object(bucket_name, key, headers, query_params=None, **more):
        status, answer, body = original(bucket_name, key, headers, query_params, **more)
        asked = headers.get("range", "")
        if status != 200 or not asked or not isinstance(body, bytes):
            return status, answer, body
        found = s3._parse_range(asked, len(body))
        if found is None:
            return s3._error("InvalidRange", "The requested range is not satisfiable", 416)
        start, end = found
        piece = body[start : end + 1]
        ranged = {"Content-Length": str(len(piece)), "Content-Range": f"bytes {start}-{end}/{len(body)}"}
        return 206, {**answer, **ranged}, piece

    return get_object


def key_of_alias(original):
    def resource_arn(service, method, path, headers, body, *more):
        named = original(service, method, path, headers, body, *more)
        found = kms._resolve_key(named) if service == "kms" else None
        return found["Arn"] if found else named

    return resource_arn


def with_request_alias(original):
    def context(service, iam_action, body, *more):
        known = original(service, iam_action, body, *more)
        key_id = json.loads(body or b"{}").get("KeyId", "") if service == "kms" else ""
        return {**known, "kms:RequestAlias": key_id} if key_id.startswith("alias/") else known

    return context


if __name__ == "__main__":
    iam_actions.extract_resource_arn = key_of_alias(iam_actions.extract_resource_arn)
    iam_actions.request_tag_context = with_request_alias(iam_actions.request_tag_context)
    iam_actions.dynamodb_service_context = with_leading_keys(iam_actions.dynamodb_service_context)
    iam_actions.dynamodb_transaction_checks = item_by_item(iam_actions.dynamodb_transaction_checks)
    iam_evaluator.enforce = with_item_key(iam_evaluator.enforce)
    s3._get_object = missing_is_forbidden(range_of_version(s3._get_object))
    s3._head_object = missing_is_forbidden(s3._head_object)
    main()
