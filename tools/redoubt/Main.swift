import Redoubt
@main struct Stub { static func main() { print("redoubt") } }
