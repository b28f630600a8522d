"""The parts of the city maker: places, people, what happens to them, and the records that this leaves behind."""
