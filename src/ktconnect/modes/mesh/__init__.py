"""`ktctl mesh`: marked requests of a Service come here, all others go where they went."""
