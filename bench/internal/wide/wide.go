// Package wide has a large structure to decode, check and encode: 60 fields in
// four structs, with nesting, lists, enums, ranges and patterns.
package wide

import _ "embed"

// Order has 22 fields.
type Order struct {
	ID        string   `json:"id" jsonschema:"pattern=^ORD-[0-9]{8}$"`
	Created   string   `json:"created" jsonschema:"pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}$"`
	Due       string   `json:"due" jsonschema:"pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}$"`
	Status    string   `json:"status" jsonschema:"enum=draft,enum=open,enum=paid,enum=shipped,enum=done"`
	Priority  string   `json:"priority" jsonschema:"enum=low,enum=normal,enum=high"`
	Channel   string   `json:"channel" jsonschema:"enum=web,enum=shop,enum=phone"`
	Currency  string   `json:"currency" jsonschema:"pattern=^[A-Z]{3}$"`
	Language  string   `json:"language" jsonschema:"pattern=^[a-z]{2}$"`
	Buyer     Party    `json:"buyer"`
	Seller    Party    `json:"seller"`
	Items     []Item   `json:"items" jsonschema:"minItems=1,maxItems=100"`
	Tags      []string `json:"tags" jsonschema:"maxItems=20"`
	Net       float64  `json:"net" jsonschema:"minimum=0"`
	Tax       float64  `json:"tax" jsonschema:"minimum=0"`
	Shipping  float64  `json:"shipping" jsonschema:"minimum=0"`
	Total     float64  `json:"total" jsonschema:"minimum=0"`
	Weight    int      `json:"weight" jsonschema:"minimum=0,maximum=100000"`
	Parcels   int      `json:"parcels" jsonschema:"minimum=1,maximum=50"`
	Gift      bool     `json:"gift"`
	Insured   bool     `json:"insured"`
	Note      string   `json:"note" jsonschema:"maxLength=500"`
	Reference string   `json:"reference" jsonschema:"minLength=1,maxLength=40"`
}

// Party has 12 fields.
type Party struct {
	Name     string  `json:"name" jsonschema:"minLength=1,maxLength=100"`
	Company  string  `json:"company" jsonschema:"maxLength=100"`
	Mail     string  `json:"mail" jsonschema:"pattern=^[^@]+@[^@]+$"`
	Phone    string  `json:"phone" jsonschema:"pattern=^[+][0-9]+$"`
	Language string  `json:"language" jsonschema:"pattern=^[a-z]{2}$"`
	VAT      string  `json:"vat" jsonschema:"pattern=^[A-Z]{2}[0-9]+$"`
	Kind     string  `json:"kind" jsonschema:"enum=person,enum=company"`
	Since    int     `json:"since" jsonschema:"minimum=1900,maximum=2100"`
	Rating   float64 `json:"rating" jsonschema:"minimum=0,maximum=5"`
	Blocked  bool    `json:"blocked"`
	Billing  Address `json:"billing"`
	Delivery Address `json:"delivery"`
}

// Address has 10 fields.
type Address struct {
	Street  string  `json:"street" jsonschema:"minLength=1"`
	Number  string  `json:"number" jsonschema:"pattern=^[0-9]+[a-z]?$"`
	Floor   int     `json:"floor" jsonschema:"minimum=-5,maximum=200"`
	Code    string  `json:"code" jsonschema:"pattern=^[0-9]{4}$"`
	City    string  `json:"city" jsonschema:"minLength=1"`
	Region  string  `json:"region"`
	Country string  `json:"country" jsonschema:"enum=NO,enum=SE,enum=DK,enum=FI,enum=DE"`
	Lat     float64 `json:"lat" jsonschema:"minimum=-90,maximum=90"`
	Lon     float64 `json:"lon" jsonschema:"minimum=-180,maximum=180"`
	Lift    bool    `json:"lift"`
}

// Item has 16 fields.
type Item struct {
	SKU      string   `json:"sku" jsonschema:"pattern=^[A-Z]{2}-[0-9]{4}$"`
	Name     string   `json:"name" jsonschema:"minLength=1"`
	Quantity int      `json:"quantity" jsonschema:"minimum=1,maximum=1000"`
	Unit     string   `json:"unit" jsonschema:"enum=piece,enum=kg,enum=m"`
	Price    float64  `json:"price" jsonschema:"minimum=0"`
	Discount float64  `json:"discount" jsonschema:"minimum=0,maximum=1"`
	Tax      float64  `json:"tax" jsonschema:"minimum=0,maximum=1"`
	Color    string   `json:"color" jsonschema:"enum=black,enum=white,enum=red,enum=blue"`
	Length   float64  `json:"length" jsonschema:"minimum=0"`
	Width    float64  `json:"width" jsonschema:"minimum=0"`
	Height   float64  `json:"height" jsonschema:"minimum=0"`
	Weight   int      `json:"weight" jsonschema:"minimum=0"`
	Stock    int      `json:"stock"`
	Fragile  bool     `json:"fragile"`
	Serial   string   `json:"serial" jsonschema:"pattern=^[0-9A-F]{8}$"`
	Notes    []string `json:"notes" jsonschema:"maxItems=5"`
}

// Input and Output are the schemas of Order as the server made with this
// framework lists them, for those that are given one. A test holds them to it.
var (
	//go:embed input.json
	Input []byte
	//go:embed output.json
	Output []byte
)

// Sample returns an order that fits.
func Sample() Order {
	home := Address{"Storgata", "12b", 3, "0155", "Oslo", "Oslo", "NO", 59.9133, 10.739, true}
	work := Address{"Havnegata", "7", 0, "7010", "Trondheim", "Trøndelag", "NO", 63.4305, 10.3951, false}
	buyer := Party{"Kari Nordmann", "Nordmann AS", "kari@example.com", "+4712345678", "nb", "NO123456789", "company", 2014, 4.5, false, work, home}
	seller := Party{"Ola Hansen", "", "ola@example.com", "+4787654321", "nn", "NO987654321", "person", 2020, 3.75, false, home, work}
	item := Item{"AB-1234", "Lamp", 2, "piece", 399.5, 0.1, 0.25, "black", 12.5, 12.5, 40.25, 1800, 17, true, "00AF12CD", []string{"with bulb"}}
	second, third := item, item
	second.SKU, second.Name, second.Color = "AB-1235", "Shade", "white"
	third.SKU, third.Name, third.Unit = "CD-0001", "Cable \"long\"", "m"
	return Order{"ORD-20260128", "2026-01-28", "2026-02-11", "open", "normal", "web", "NOK", "nb", buyer, seller,
		[]Item{item, second, third}, []string{"home", "light"}, 2157.3, 539.325, 99, 2795.625, 5400, 2, true, false,
		"Ring twice.\nThank you.", "spring sale"}
}
