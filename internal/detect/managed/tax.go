package managed

import (
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// taxpayers are the numbers of taxpayers: macie.md 1.6.6.
func taxpayers() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "BRAZIL_CPF_NUMBER", Category: detect.PersonalInformation, Check: check.CPF, Checksum: true,
			Layouts: needKeyword("9{3}.9{3}.9{3}-99", "9{9}-?99"),
			Keywords: []string{"cadastro de pessoa física", "cadastro de pessoa fisica", "cadastro de pessoas físicas", "cadastro de pessoas fisicas",
				"cadastro nacional da pessoa jurídica", "cadastro nacional da pessoa juridica", "cnpj", "cpf"},
			MaxLen: 14, Severity: alwaysHigh, Recommended: true,
			Example:  "CPF: «971.161.264-06»",
			Citation: "Receita Federal do Brasil, Instrução Normativa RFB 2172/2024 (CPF)",
		},
		{
			ID: "GERMANY_TAX_IDENTIFICATION_NUMBER", Category: detect.PersonalInformation, Check: check.GermanTaxID, Checksum: true,
			Layouts: needKeyword("9{11}", "99 9{3} 9{3} 9{3}"),
			Keywords: []string{"identifikationsnummer", "steuer id", "steueridentifikationsnummer", "steuernummer", "tax id",
				"tax identification number", "tax number", "steuerid", "idnr", "steuer idnr"},
			MaxLen: 14, Severity: alwaysHigh, Recommended: true,
			Example:  "Steuer-ID «86095742719»",
			Citation: "Abgabenordnung section 139b; Steueridentifikationsnummerverordnung; ISO/IEC 7064 MOD 11,10",
		},
	}
}
