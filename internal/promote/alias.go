package promote

import "strings"

// Alias gives freight a name that people can say: an adjective and an animal,
// taken from the id, so that every machine finds the same one. Where another
// freight of the repository has it already, the next word of the id is added.
func Alias(id string, taken func(alias string) bool) string {
	words := []string{adjectives[digits(id, 0)%len(adjectives)], animals[digits(id, 1)%len(animals)]}
	for n := 2; ; n++ {
		alias := strings.Join(words, "-")
		if !taken(alias) || n*4+4 > len(id) {
			return alias
		}
		words = append([]string{adjectives[digits(id, n)%len(adjectives)]}, words...)
	}
}

// digits reads the n-th group of four hex digits of an id.
func digits(id string, n int) int {
	value := 0
	for _, c := range []byte(id[min(4*n, len(id)):min(4*n+4, len(id))]) {
		switch {
		case c >= '0' && c <= '9':
			value = value*16 + int(c-'0')
		case c >= 'a' && c <= 'f':
			value = value*16 + int(c-'a') + 10
		}
	}
	return value
}

var adjectives = strings.Fields(`
	able amber ample azure bold brave breezy bright brisk calm candid cheery chief civil clear clever cool copper
	coral cosy crisp dapper daring deep deft eager early earnest easy even fair fancy fast fine firm fleet fond frank
	free fresh gentle giant glad golden good grand green handy happy hardy hasty honest humble icy ideal jolly just
	keen kind lively loyal lucid lucky lunar mellow merry mighty mild modest neat nimble noble novel olive open patient
	placid plain polite prime proud quick quiet rapid ready regal robust royal rustic sage sandy serene sharp silent
	silver simple sincere sleek smart smooth snowy solar solid spry stable steady still stout sunny super swift tender
	tidy tranquil trusty upbeat valiant velvet vivid warm wary windy wise witty worthy young zesty`)

var animals = strings.Fields(`
	adder albatross alpaca ant antelope badger bat beaver bee beetle bison boar bobcat buffalo bullfinch camel carp cat
	chamois cheetah cod coot cormorant coyote crab crane cricket crow deer dingo dog dolphin donkey dormouse dove duck
	dunlin eagle eel egret elk falcon ferret finch fox frog gazelle gecko gibbon goat goose grouse gull hamster hare
	hawk hedgehog heron herring horse hound ibex ibis jackal jackdaw jaguar jay kestrel kingfisher kite koala lark
	lemur lion lizard llama lobster lynx magpie mallard marmot marten mole moose moth mouse mule newt nightingale ocelot
	octopus orca osprey ostrich otter owl ox oyster panda panther parrot pelican perch pheasant pigeon pike plover pony
	puffin puma quail rabbit raven robin rook salmon seal shrew skylark snail sparrow squid stag starling stoat stork
	swallow swan swift tapir teal tern thrush tiger toad trout turtle viper vole walrus weasel whale wolf wombat wren yak zebra`)
