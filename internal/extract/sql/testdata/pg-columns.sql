--
-- PostgreSQL database dump
--

\restrict 7XFiLCj1fKeAgh26LcYMtVp3ElpLbqIdy4RRQo8xwUax8ZxobpbJrfQEDXAAOhm

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Data for Name: customers; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.customers (id, name, "E-Mail", card, balance, born, tags, doc, raw) VALUES (1, 'Ann Lindqvist', 'ann@example.org', '4111 1111 1111 1111', -12.50, '1984-02-03', '{a,"b c"}', '{"k": "v\\w"}', '\x00ff');
INSERT INTO public.customers (id, name, "E-Mail", card, balance, born, tags, doc, raw) VALUES (2, 'tab	here
and a new line \ back', '', NULL, 0.00, NULL, NULL, NULL, NULL);
INSERT INTO public.customers (id, name, "E-Mail", card, balance, born, tags, doc, raw) VALUES (3, 'Cy 例', '\N', '5500005555555559', NULL, '1990-12-01', NULL, NULL, NULL);


--
-- Name: customers_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.customers_id_seq', 3, true);


--
-- PostgreSQL database dump complete
--

\unrestrict 7XFiLCj1fKeAgh26LcYMtVp3ElpLbqIdy4RRQo8xwUax8ZxobpbJrfQEDXAAOhm

