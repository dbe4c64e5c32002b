USE [Shop]
GO
/****** Object:  Table [dbo].[People]    Script Date: 2026-01-02 03:04:05 ******/
SET ANSI_NULLS ON
GO
CREATE TABLE [dbo].[People](
	[Id] [int] IDENTITY(1,1) NOT NULL,
	[Full Name] [nvarchar](50) NULL,
	[Card] [varchar](19) NULL,
	[Seen] [datetime2](7) NULL,
 CONSTRAINT [PK_People] PRIMARY KEY CLUSTERED ([Id] ASC)
) ON [PRIMARY]
GO
SET IDENTITY_INSERT [dbo].[People] ON 
INSERT [dbo].[People] ([Id], [Full Name], [Card], [Seen]) VALUES (1, N'Ann O''Brien', N'4111 1111 1111 1111', CAST(N'2026-01-02T03:04:05.0000000' AS DateTime2))
INSERT [dbo].[People] ([Id], [Full Name], [Card], [Seen]) VALUES (2, N'C:\', NULL, NULL)
GO
INSERT [dbo].[People] VALUES (3, N'Bob', N'5500005555555559', GETDATE())
GO
SET IDENTITY_INSERT [dbo].[People] OFF
GO
