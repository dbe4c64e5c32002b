insert into articles (ean, part_no, title, cents) values
    ('0801399881368', '743-25-0534', 'Bottle cage, steel', 14177),
    ('4015674847543', '163-83-2884', 'Switchback hardtail', 17509),
    ('7614143555650', '532-34-5459', 'Causeway city bike', 142852),
    ('8717656063403', '557-08-8899', 'Pannier rail kit', 247468),
    ('0809345002676', '385-88-9959', 'Floor pump 160 psi', 213257),
    ('4268149301686', '341-33-4429', 'Helmet visor', 238660),
    ('7613327979886', '288-07-1965', 'Ridgeline 29 trail bike', 100884),
    ('8716047015960', '476-46-4751', 'Floor pump 160 psi', 209148);
