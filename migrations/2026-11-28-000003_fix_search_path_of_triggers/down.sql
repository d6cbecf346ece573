ALTER FUNCTION count_metrics() RESET search_path;
ALTER FUNCTION raise_catalogue_epoch() RESET search_path;
ALTER FUNCTION announce_authority() RESET search_path;
ALTER FUNCTION announce_authority_of_all() RESET search_path;
