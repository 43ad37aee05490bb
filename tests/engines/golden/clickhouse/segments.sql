WITH "subjects" AS (
  SELECT
    "population".*,
    CASE
      WHEN "people"."first_seen_at" <= "population"."as_of"
      THEN "people"."first_seen_at"
    END AS "first_seen_at",
    "people"."email_domain" AS "email_domain",
    "people"."email_kind" AS "email_kind",
    "people"."country" AS "country",
    "people"."signed_up_at" AS "signed_up_at",
    "people"."born_on" AS "born_on",
    "people"."local_zone" AS "local_zone"
  FROM "current_features" AS "population"
  JOIN "people"
    USING ("person_id")
), "segments_0" AS (
  SELECT
    *,
    COALESCE(
      (
        (
          "orders_30d" > 0
        ) AND (
          NOT (
            "last_product" IS NULL
          )
        )
      ),
      FALSE
    ) AS "segment buyers",
    COALESCE(
      (
        COALESCE("signed_up_at", toDateTime64('1900-01-01 00:00:00', 6, 'UTC')) > (
          CAST("as_of" AS Nullable(DateTime64(6, 'UTC'))) - INTERVAL 129600000000 MICROSECOND
        )
      ),
      FALSE
    ) AS "segment new_here",
    COALESCE(
      (
        (
          (
            CAST(FLOOR(
              (
                toUnixTimestamp64Micro(nullIf(nullIf(CAST(makeDate32((toInt64(toYear(nullIf(nullIf(CAST(CAST(toDateTime64(toString(CAST("as_of" AS Nullable(DateTime64(6, 'UTC'))), "local_zone"), 6, 'UTC') AS Nullable(Date32)) AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) + CASE WHEN toInt64(toMonth(nullIf(nullIf(CAST("born_on" AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) * 100 + toInt64(toDayOfMonth(nullIf(nullIf(CAST("born_on" AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) < toInt64(toMonth(nullIf(nullIf(CAST(CAST(toDateTime64(toString(CAST("as_of" AS Nullable(DateTime64(6, 'UTC'))), "local_zone"), 6, 'UTC') AS Nullable(Date32)) AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) * 100 + toInt64(toDayOfMonth(nullIf(nullIf(CAST(CAST(toDateTime64(toString(CAST("as_of" AS Nullable(DateTime64(6, 'UTC'))), "local_zone"), 6, 'UTC') AS Nullable(Date32)) AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) THEN 1 ELSE 0 END), CASE WHEN (toInt64(toMonth(nullIf(nullIf(CAST("born_on" AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) = 2 AND toInt64(toDayOfMonth(nullIf(nullIf(CAST("born_on" AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) = 29) THEN 3 ELSE toInt64(toMonth(nullIf(nullIf(CAST("born_on" AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) END, CASE WHEN (toInt64(toMonth(nullIf(nullIf(CAST("born_on" AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) = 2 AND toInt64(toDayOfMonth(nullIf(nullIf(CAST("born_on" AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) = 29) THEN 1 ELSE toInt64(toDayOfMonth(nullIf(nullIf(CAST("born_on" AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) END) AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))) - toUnixTimestamp64Micro(nullIf(nullIf(CAST(CAST(toDateTime64(toString(CAST("as_of" AS Nullable(DateTime64(6, 'UTC'))), "local_zone"), 6, 'UTC') AS Nullable(Date32)) AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))
              ) / 86400000000e0
            ) AS Nullable(Int64)) - CASE
              WHEN (
                toInt64(toMonth(nullIf(nullIf(CAST("born_on" AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) = 2
                AND toInt64(toDayOfMonth(nullIf(nullIf(CAST("born_on" AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) = 29
              )
              THEN 1
              ELSE 0
            END
          ) <= 7
        )
        AND (
          toInt64(toHour(nullIf(nullIf(CAST(toDateTime64(toString(CAST("as_of" AS Nullable(DateTime64(6, 'UTC'))), "local_zone"), 6, 'UTC') AS Nullable(DateTime64(6, 'UTC'))), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) >= 9
        )
      ),
      FALSE
    ) AS "segment birthday",
    CAST("kind" AS Nullable(String)) AS "segment of_kind"
  FROM "subjects"
), "families_0" AS (
  SELECT
    *,
    COALESCE("segment of_kind" = 'best', FALSE) AS "segment of_kind:best"
  FROM "segments_0"
), "segments_1" AS (
  SELECT
    *,
    COALESCE(
      (
        (
          "left_a_cart" > (
            CAST((CAST("as_of" AS Nullable(DateTime64(6, 'UTC')))) AS Nullable(DateTime64(6, 'UTC'))) - INTERVAL 1 MONTH
          )
        )
        AND (
          NOT "segment buyers"
        )
      ),
      FALSE
    ) AS "segment waiting",
    COALESCE(
      (
        "segment of_kind:best"
        OR (
          toFloat64OrNull(extract(trimBoth("country"), '(^[+-]?([0-9]{1,30}([.][0-9]{0,30})?|[.][0-9]{1,30})([eE][+-]?[0-9]{1,2})?$)')) > 1
        )
        OR (
          "kind" < 'c'
        )
      ),
      FALSE
    ) AS "segment best_or_big"
  FROM "families_0"
)
SELECT
  *
FROM "segments_1";
