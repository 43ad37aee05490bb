SET join_use_nulls = 1;
SET aggregate_functions_null_for_empty = 1;
SET prefer_column_name_to_alias = 1;
SET precise_float_parsing = 1;
SET enable_extended_results_for_datetime_functions = 1;
SET allow_nonconst_timezone_arguments = 1;
SET session_timezone = 'UTC';
