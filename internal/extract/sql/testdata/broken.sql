-- a dump that breaks off within a row
CREATE TABLE t (a INT, b TEXT);
INSERT INTO t VALUES (1, 'one'), (2, 'two');
INSERT INTO unknown VALUES (1, 'nobody names this column');
INSERT INTO t SELECT 3, 'three';
INSERT INTO t VALUES (4, 'four' ; INSERT INTO t VALUES (5, 'all that follows is text');
