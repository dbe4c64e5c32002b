/*M!999999\- enable the sandbox mode */ 
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `customers` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `name` varchar(80) NOT NULL COMMENT 'the, name',
  `email` varchar(80) DEFAULT NULL,
  `card_number` char(19) DEFAULT NULL,
  `balance` decimal(10,2) DEFAULT NULL,
  `born` date DEFAULT NULL,
  `photo` blob DEFAULT NULL,
  `note` text DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `k` (`email`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `customers` (`id`, `name`, `email`, `card_number`, `balance`, `born`, `photo`, `note`) VALUES (1,'Ann Lindqvist','ann@example.org','4111 1111 1111 1111',-12.50,'1984-02-03',0x00FF10275C,'said \"hello\", it\'s (fine); \\ back\nnew line	tab');
INSERT INTO `customers` (`id`, `name`, `email`, `card_number`, `balance`, `born`, `photo`, `note`) VALUES (2,'Bob Örtegård',NULL,'5500005555555559',0.00,'1990-12-01',NULL,'');
INSERT INTO `customers` (`id`, `name`, `email`, `card_number`, `balance`, `born`, `photo`, `note`) VALUES (3,'Cy 例 😀',NULL,NULL,100000.00,NULL,0x62797465732074686174206172652074657874,'-- no comment /* here */');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `flags` (
  `b` bit(3) DEFAULT NULL,
  `j` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(`j`)),
  `e` enum('a,b','c') DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `flags` (`b`, `j`, `e`) VALUES (0x05,'{\"card\": \"4111111111111111\", \"it\": \"is quoted\"}','a,b');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `order items` (
  `order` int(11) DEFAULT NULL,
  `what's it` varchar(50) DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `order items` (`order`, `what's it`) VALUES (1,'shoes');
INSERT INTO `order items` (`order`, `what's it`) VALUES (2,'hats; and gloves');
SET @saved_cs_client     = @@character_set_client;
SET character_set_client = utf8mb4;
/*!50001 CREATE VIEW `v` AS SELECT
 NULL AS `name` */;
SET character_set_client = @saved_cs_client;
/*!50001 DROP VIEW IF EXISTS `v`*/;
/*!50001 SET @saved_cs_client          = @@character_set_client */;
/*!50001 SET @saved_cs_results         = @@character_set_results */;
/*!50001 SET @saved_col_connection     = @@collation_connection */;
/*!50001 SET character_set_client      = utf8mb4 */;
/*!50001 SET character_set_results     = utf8mb4 */;
/*!50001 SET collation_connection      = utf8mb4_general_ci */;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */
/*!50001 VIEW `v` AS select `customers`.`name` AS `name` from `customers` */;
/*!50001 SET character_set_client      = @saved_cs_client */;
/*!50001 SET character_set_results     = @saved_cs_results */;
/*!50001 SET collation_connection      = @saved_col_connection */;
